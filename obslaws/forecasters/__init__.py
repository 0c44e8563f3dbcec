"""The forecasters by name; each is imported when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from obslaws.errors import UnknownNameError

if TYPE_CHECKING:
    from obslaws.forecasters.base import Forecaster

__all__ = ["FORECASTERS", "forecaster"]


class _Registry(Mapping[str, "type[Forecaster]"]):
    """Name -> class, read like a dict."""

    def __init__(self, places: dict[str, str]) -> None:
        self._places = places

    def __getitem__(self, name: str) -> type[Forecaster]:
        """Import and return a class.

        Raises
        ------
        UnknownNameError
            The nearest name is offered.
        """
        if name not in self._places:
            raise UnknownNameError("forecaster", name, self._places)
        module, _, attribute = self._places[name].partition(":")
        found: type[Forecaster] = getattr(import_module(f"obslaws.forecasters.{module}"), attribute)
        return found

    def __iter__(self) -> Iterator[str]:
        """Names, the default forecaster first."""
        return iter(self._places)

    def __len__(self) -> int:
        """Count of forecasters."""
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        """Whether there is one of this name; imports nothing."""
        return name in self._places


FORECASTERS: Mapping[str, type[Forecaster]] = _Registry(
    {
        "skill": "skill:SkillForecaster",
        "mean": "naive:BenchmarkMean",
        "model-mean": "naive:ModelMean",
        "carry-forward": "carry:CarryForward",
        "compute": "regression:ComputeForecaster",
        "size-tokens": "regression:SizeTokensForecaster",
        "logit-ols": "regression:LogitOLS",
        "compute-huber": "robust:RobustCompute",
        "size-tokens-huber": "robust:RobustSizeTokens",
        "pca-compute": "pca_compute:ComponentLaws",
        "sloth": "sloth:Sloth",
        "eci": "eci:CapabilityIndex",
        "matrix": "matrix:MatrixCompletion",
    }
)


def forecaster(name: str, **settings: Any) -> Forecaster:
    """Make a forecaster.

    Parameters
    ----------
    name : str
        A key of `FORECASTERS`, alone or with settings: ``sloth:d=3,link=logistic``.
    **settings
        Arguments of its class; all have defaults.

    Returns
    -------
    Forecaster
        Not fitted.

    Raises
    ------
    UnknownNameError
        No such forecaster or setting; the nearest name is offered.
    UsageError
        A setting is not written as ``key=value``, or its value makes no sense.

    Examples
    --------
    >>> forecaster("mean").name
    'mean'
    >>> forecaster("sloth:d=2,intercept=shared").n_skills
    2
    """
    known, _, text = name.partition(":")
    kind = FORECASTERS[known]
    if text:
        from obslaws.forecasters.settings import read_settings

        settings = read_settings(kind, text) | settings
    made = kind(**settings)
    made.label = name
    return made
