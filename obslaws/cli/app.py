"""The program `obslaws`: its commands, and what becomes of errors and warnings."""

from __future__ import annotations

import sys
import warnings
from typing import Annotated, Any

import typer

from obslaws._version import __version__
from obslaws.cli.audit import audit
from obslaws.cli.backtest import backtest
from obslaws.cli.capability import capability
from obslaws.cli.diagnose import diagnose
from obslaws.cli.efficiency import efficiency
from obslaws.cli.explore import explore
from obslaws.cli.families import families
from obslaws.cli.forecast import forecast
from obslaws.cli.import_results import import_results
from obslaws.cli.laws import laws
from obslaws.cli.observe import observe
from obslaws.cli.onboard import onboard
from obslaws.cli.output import note
from obslaws.cli.pass_at_k import pass_at_k
from obslaws.cli.plan import plan
from obslaws.cli.reach import reach
from obslaws.cli.refresh import refresh
from obslaws.cli.registry import register, registry, resolve
from obslaws.cli.report import report
from obslaws.cli.scoreboard import scoreboard
from obslaws.cli.select import select
from obslaws.cli.select_benchmarks import benchmarks, next_
from obslaws.cli.skills import skills
from obslaws.cli.snapshot import snapshot
from obslaws.cli.usage import Program
from obslaws.errors import ObslawsError, ObslawsWarning

__all__ = ["app", "main"]

_INTERRUPTED = 130  # as shells count it: 128 and the number of the signal

app = typer.Typer(
    name="obslaws",
    cls=Program,
    help="Observational scaling laws over public LLM leaderboards.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(forecast)
app.command()(backtest)
app.command()(observe)
app.command()(refresh)
app.add_typer(snapshot, name="snapshot")
app.command()(families)
app.command()(scoreboard)
app.command()(audit)
app.command()(register)
app.command()(resolve)
app.add_typer(registry, name="registry")
app.command()(explore)
app.add_typer(report, name="report")
app.command()(capability)
app.command()(efficiency)
select.command()(benchmarks)
select.command("next")(next_)
app.command()(skills)
app.command()(plan)
app.command()(reach)
app.command()(onboard)
app.add_typer(select, name="select")
app.command("import")(import_results)
app.add_typer(laws, name="laws")
app.command()(diagnose)
app.command("pass-at-k")(pass_at_k)


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"obslaws {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Say the version and stop.", is_eager=True, callback=_say_version)
    ] = False,
) -> None:
    """Forecast benchmark scores of language models that nobody has run yet, and say how sure one can be."""


def main(arguments: list[str] | None = None) -> None:
    """Run the program.

    Parameters
    ----------
    arguments : list of str, optional
        Without the program's name; those of the process by default.

    Raises
    ------
    SystemExit
        0 when all went well, 1 after an `ObslawsError` (one line on stderr), 2 when the command was not understood,
        130 after an interrupt from the keyboard.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("always", ObslawsWarning)
        warnings.showwarning = _show_warning  # type: ignore[assignment]
        try:
            app(arguments)
        except ObslawsError as error:
            note(f"Error: {' '.join(str(error).split())}")
            sys.exit(1)
        except SystemExit as end:
            if end.code == _INTERRUPTED:
                note("Interrupted.")
            raise


def _show_warning(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any) -> None:
    if issubclass(category, ObslawsWarning):
        note(f"Note: {' '.join(str(message).split())}")
    else:
        note(warnings.formatwarning(message, category, filename, lineno).rstrip())
