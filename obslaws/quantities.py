"""Sizes and token counts as people write them: 22B, 7.5b, 18T, 32e9; read into plain counts, and written back. Names.

Called by the command line, figures and tables. Everywhere else a size is a plain float.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterable

from obslaws.errors import AssumptionWarning, UsageError

__all__ = [
    "counted",
    "format_count",
    "format_flop",
    "format_name",
    "known_as",
    "parse_count",
    "parse_flop",
    "parse_fraction",
    "size_label",
    "spelling_key",
    "spelt_alike",
    "spelt_like",
]

_NAMED = 4  # in a message
_SUFFIXES = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}
_NUMBER = r"([+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]?nan|[+-]?inf(?:inity)?)"
_NAMED_SIZE = re.compile(r"(?<![a-z\d.])(\d+(?:\.\d+)?)([mbt])(?![a-z])", re.IGNORECASE)
_COUNT = re.compile(rf"\s*{_NUMBER}\s*([a-z]*)\s*", re.IGNORECASE)


def parse_count(text: str, what: str = "count", unit: str | None = None) -> float:
    """Read a size or a number of tokens.

    Parameters
    ----------
    text : str
        A number with or without one of the suffixes K, M, B, T in either case; ``"32e9"``, ``"32B"``, ``"18T"``.
    what : str
        Name of the quantity, for the message.
    unit : {"K", "M", "B", "T"}, optional
        What was probably left out where digits alone stand for less than a million: nobody has 32 parameters.

    Returns
    -------
    float
        Plain count, positive and finite.

    Raises
    ------
    UsageError
        Not a number, an unknown suffix, not positive and finite, or a `unit` seems to be missing.

    Examples
    --------
    >>> parse_count("7.5b"), parse_count("18T"), parse_count("32e9")
    (7500000000.0, 18000000000000.0, 32000000000.0)
    """
    expected = "expected a positive count such as 32e9, 32B, 500M or 18T"
    match = _COUNT.fullmatch(text)
    if match is None:
        comma = re.fullmatch(r"\s*\d+,\d+\s*[a-z]*\s*", text, re.IGNORECASE)
        meant = f" Did you mean {text.strip().replace(',', '.')}?" if comma else ""
        raise UsageError(f"{what}: {text!r} is not a number; {expected}.{meant}")
    number, suffix = float(match[1]), match[2].lower()
    if suffix not in _SUFFIXES:
        short = {"million": "M", "billion": "B", "bn": "B", "trillion": "T"}.get(suffix)
        meant = f" Did you mean {match[1]}{short}?" if short else ""
        raise UsageError(f"{what}: unknown suffix {match[2]!r} in {text!r}; {expected}.{meant}")
    count = number * _SUFFIXES[suffix]
    if not (count > 0 and math.isfinite(count)):
        cure = " Leave it out when it is unknown." if math.isnan(count) else ""
        raise UsageError(f"{what} is {text.strip()}; {expected}.{cure}")
    if unit is not None and count < 1e6 and not suffix and "e" not in match[1].lower():
        smaller = {"T": "B", "B": "M"}.get(unit, unit)  # nobody has 1500T tokens or 7000B parameters
        likely = smaller if count >= (100 if unit == "T" else 2000) else unit
        raise UsageError(f"{what} is {text.strip()}, without a unit: did you mean {text.strip()}{likely}?")
    return count


def parse_flop(text: str, what: str) -> float:
    """Read an amount of training compute.

    Parameters
    ----------
    text : str
        A number of FLOP, with or without the unit: ``"1e24"``, ``"1e24 FLOP"``.
    what : str
        Name of the quantity, for the message.

    Returns
    -------
    float
        FLOP, positive and finite.

    Raises
    ------
    UsageError
        Not a number, another unit, or not positive and finite.

    Examples
    --------
    >>> parse_flop("8.4e22 FLOP", "--flop")
    8.4e+22
    """
    expected = "expected training compute in FLOP, e.g. 1e24"
    match = _COUNT.fullmatch(text)
    if match is None:
        raise UsageError(f"{what}: {text!r} is not a number; {expected}.")
    if match[2].lower() not in ("", "flop", "flops"):
        raise UsageError(f"{what}: unknown unit {match[2]!r} in {text!r}; {expected}.")
    flop = float(match[1])
    if not (flop > 0 and math.isfinite(flop)):
        raise UsageError(f"{what} is {text.strip()}; {expected}.")
    return flop


def parse_fraction(text: str, what: str) -> float:
    """Read a score.

    Parameters
    ----------
    text : str
        A fraction in [0, 1].
    what : str
        Where it stands, for the message.

    Returns
    -------
    float

    Raises
    ------
    UsageError
        Not a number, or outside [0, 1]; a percentage is told how to become a fraction.

    Examples
    --------
    >>> parse_fraction("0.73", "mmlu")
    0.73
    """
    try:
        score = float(text)
    except ValueError:
        share = re.fullmatch(r"\s*(\d{1,2}(?:\.\d*)?|100)\s*%\s*", text)
        cure = f" Did you mean {float(share[1]) / 100:g}?" if share else ""
        raise UsageError(f"{what}: {text!r} is not a number; expected a fraction in [0, 1], e.g. 0.73.{cure}") from None
    if not 0.0 <= score <= 1.0:
        percent = 1.0 < score <= 100.0
        cure = f"Scores are fractions: did you mean {score / 100:g}?" if percent else "Leave out what is unknown."
        raise UsageError(f"{what} is {text.strip()}; expected a fraction in [0, 1]. {cure}")
    return score


def parse_number(text: str, what: str) -> float:
    """Read a rating or another score that is no fraction.

    Raises
    ------
    UsageError
        Not a finite number.

    Examples
    --------
    >>> parse_number("1800", "codeforces")
    1800.0
    """
    try:
        score = float(text)
    except ValueError:
        score = float("nan")
    if not abs(score) < float("inf"):
        raise UsageError(f"{what}: {text.strip()!r} is not a number; expected a rating, e.g. 1800.")
    return score


def spelling_key(name: object) -> str:
    """Reduce a name to what is left when case and separators do not matter.

    Parameters
    ----------
    name : object

    Returns
    -------
    str

    Examples
    --------
    >>> spelling_key("Llama 3.1"), spelling_key("llama-3.1")
    ('llama31', 'llama31')
    """
    return re.sub(r"[-_.\s]", "", str(name)).casefold()


def _case_key(name: object) -> str:
    return str(name).strip().casefold()


def spelt_alike(names: Iterable[str], case_alone: bool = False) -> list[str]:
    """Find names that differ only in case and separators.

    Parameters
    ----------
    names : iterable of str
        Each once.
    case_alone : bool
        Whether separators tell them apart.

    Returns
    -------
    list of str
        A group of such names each, in words.

    Examples
    --------
    >>> spelt_alike(["mmlu", "gsm8k", "MMLU"])
    ["'mmlu' and 'MMLU'"]
    """
    alike: dict[str, list[str]] = {}
    key = _case_key if case_alone else spelling_key
    for name in names:
        alike.setdefault(key(name), []).append(name)
    return [" and ".join(map(repr, group)) for group in alike.values() if len(group) > 1]


def spelt_like(name: str, known: Iterable[str]) -> str | None:
    """Find the one known name that differs by case and separators only.

    Parameters
    ----------
    name : str
    known : iterable of str

    Returns
    -------
    str or None
        None where there is none, or several.

    Examples
    --------
    >>> spelt_like("GSM-8k", ["gsm8k", "mmlu"])
    'gsm8k'
    """
    wanted = spelling_key(name)
    found = {k for k in known if wanted and spelling_key(k) == wanted}
    return found.pop() if len(found) == 1 else None


def known_as(
    names: Iterable[str], known: Iterable[str], kind: str, where: str = "", stacklevel: int = 3
) -> dict[str, str]:
    """Find the known names that names mean: case and separators do not decide where one alone fits.

    Of models case alone does not: 1.5B and 15B are two sizes.

    Parameters
    ----------
    names : iterable of str
        As someone wrote them.
    known : iterable of str
    kind : str
        What they are names of: ``"benchmark"``, ``"family"``, ``"model"``.
    where : str
        File that they stand in, for the note.
    stacklevel : int
        As for `warnings.warn`.

    Returns
    -------
    dict of str to str
        Every name and what it means; a name that no known one fits, or several, is there as it was written.

    Warns
    -----
    AssumptionWarning
        Some are spelled in another way, not by case alone.

    Examples
    --------
    >>> known_as(["GSM8K", "mmlu", "bbh"], ["gsm8k", "mmlu"], "benchmark")
    {'GSM8K': 'gsm8k', 'mmlu': 'mmlu', 'bbh': 'bbh'}
    """
    there = list(dict.fromkeys(map(str, known)))
    exact, alike = set(there), dict[str, list[str]]()
    key = _case_key if kind == "model" else spelling_key
    for one in there:
        alike.setdefault(key(one), []).append(one)
    alike.pop("", None)
    fitting = {str(name): alike.get(key(name), []) for name in names}
    out = {name: fits[0] if len(fits) == 1 and name not in exact else name for name, fits in fitting.items()}
    told = [f"{kind} {a!r} is read as {b!r}" for a, b in out.items() if a != b and a.strip().lower() != b.lower()]
    if told:
        more = f", and {len(told) - _NAMED} more so" if len(told) > _NAMED else ""
        words = f"{', '.join(told[:_NAMED])}{more}."
        words = f"{where}: {words}" if where else f"{words[0].upper()}{words[1:]}"
        warnings.warn(words, AssumptionWarning, stacklevel=stacklevel)
    return out


def counted(n: int, one: str, more: str | None = None) -> str:
    """Write a number of things.

    Parameters
    ----------
    n : int
    one : str
        What they are, if there is one.
    more : str, optional
        If there are none or several; `one` with an s by default.

    Returns
    -------
    str

    Examples
    --------
    >>> counted(1, "model"), counted(2, "model"), counted(3, "family", "families")
    ('1 model', '2 models', '3 families')
    """
    return f"{n} {one if n == 1 else more or f'{one}s'}"


def format_count(count: float, digits: int = 3) -> str:
    """Write a count with few digits and a suffix.

    Parameters
    ----------
    count : float
        Positive, or NaN for unknown.
    digits : int
        Significant digits.

    Returns
    -------
    str
        ``"?"`` for NaN.

    Examples
    --------
    >>> format_count(22e9), format_count(14.77e9), format_count(5.5e12), format_count(float("nan"))
    ('22B', '14.8B', '5.5T', '?')
    """
    if not count > 0:
        return "?"
    for suffix, unit in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("K", 1e3)):
        if float(f"{count:.{digits}g}") >= unit:
            return f"{float(f'{count / unit:.{digits}g}'):g}{suffix}"
    return f"{count:g}"


def size_label(model: str, n_params: float) -> str:
    """Write a model's size as its name has it, ``14B`` for 14.77e9 parameters; counted where the name tells none.

    Parameters
    ----------
    model : str
        Id or name.
    n_params : float

    Returns
    -------
    str
        What the name has where it is within a quarter of the count, else two digits of the count.

    Examples
    --------
    >>> size_label("Qwen/Qwen2.5-14B", 14.77e9), size_label("mistralai/Mixtral-8x7B-v0.1", 46.7e9)
    ('14B', '47B')
    """
    for number, unit in _NAMED_SIZE.findall(model.rpartition("/")[2]):
        if 0.8 < float(number) * _SUFFIXES[unit.lower()] / n_params < 1.25:
            return f"{float(number):g}{unit.upper()}"
    return format_count(n_params, digits=2)


def format_flop(flop: float) -> str:
    """Write training compute with its unit.

    Parameters
    ----------
    flop : float
        FLOP, or NaN for unknown.

    Returns
    -------
    str

    Examples
    --------
    >>> format_flop(2.376e24)
    '2.4e24 FLOP'
    """
    if not flop > 0:
        return "unknown compute"
    digits, exponent = f"{flop:.1e}".split("e")
    return f"{digits}e{int(exponent)} FLOP"


def format_name(text: object, most: int = 36) -> str:
    r"""Write somebody's name for a figure: on one line, not longer than `most`, and never read as a formula.

    Parameters
    ----------
    text : object
    most : int
        Characters; what is longer is cut, and three dots say so.

    Returns
    -------
    str

    Examples
    --------
    >>> format_name("costs $5 or $6"), format_name("w" * 500, 8)
    ('costs \\$5 or \\$6', 'wwwww...')
    """
    words = " ".join(str(text).split()) or " "
    short = words if len(words) <= most else f"{words[: most - 3]}..."
    # drawing takes text between dollars for a formula, and leaves labels that begin with _ out of legends
    return (f" {short}" if short.startswith("_") else short).replace("$", r"\$")
