"""What becomes of a command line that cannot be read: the message names what was found and what was expected.

Which words the command-line library has for it depends on its version; some versions do not name the value at all.
"""

from __future__ import annotations

import re
from typing import Any

import typer
from typer.core import TyperGroup

__all__ = ["Program", "clear_message", "misplaced_message", "repeated_message"]

_CHOICE = re.compile(r"(?:Value error, )?(?P<found>'.*?') is not one of (?P<known>.+?)\.?", re.DOTALL)
_NUMBERS = {"float_parsing": "a number", "int_parsing": "a whole number", "int_from_float": "a whole number"}
_EXTRA = re.compile(r"unexpected extra argument(?:\(s\)|s)? \((?P<found>.*)\)", re.DOTALL)
_COMMAND = re.compile(r"No such command '(?P<found>.*?)'", re.DOTALL)
_GIVEN = "obslaws.arguments"
_Usage: Any = typer.BadParameter.__bases__[0]
_PERCENT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*")


class Program(TyperGroup):
    """The program; errors of all its commands come by here."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Keep what was written, and say plainly what does not belong before the command."""
        ctx.meta[_GIVEN] = list(args)
        if told := repeated_message(self, args):
            raise typer.BadParameter(told, ctx)
        try:
            return super().parse_args(ctx, args)
        except _Usage as error:
            _clear(error)
            raise

    def invoke(self, ctx: Any) -> Any:
        """Run the command asked for, and say plainly which value of which option could not be read."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = clear_message(error)
            raise
        except _Usage as error:
            _clear(error)
            raise


def _clear(error: Any) -> None:
    if error.ctx is not None and (told := misplaced_message(error)):
        error.message, error.possibilities = told, None


def repeated_message(command: Any, words: list[str]) -> str:
    """Say which list stands twice with different values, of which the last alone would count.

    An option that is no list may be given again to override itself, as other programs have it.

    Parameters
    ----------
    command : command of the command-line library
    words : list of str
        What stands behind it.

    Returns
    -------
    str
        Empty where there is none.
    """
    while commands := getattr(command, "commands", None):
        at = next((i for i, word in enumerate(words) if word in commands), None)
        if at is None:
            return ""
        command, words = commands[words[at]], words[at + 1 :]
    options = {name: p for p in command.params if p.param_type_name == "option" for name in p.opts}
    seen: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        option = options.get(name)
        if option is None or option.is_flag or option.multiple:
            continue
        value = value if equals else next(rest, "")
        first = seen.setdefault(option.name, value)
        if first != value and "commas" in (option.help or ""):
            return f"{name} stands twice, with {first!r} and {value!r}. Give it once: {name} {first},{value}."
    return ""


def misplaced_message(error: Any) -> str:
    """Say where an option or a word belongs that stands where none is expected.

    Parameters
    ----------
    error : UsageError of the command-line library
        With its context.

    Returns
    -------
    str
        Empty for an error of another kind.
    """
    option = getattr(error, "option_name", None)
    if hasattr(error, "possibilities") and option is not None:
        return _unknown_option(error.ctx, str(option))
    if unknown := _COMMAND.search(str(error.message)):
        return _unknown_command(error.ctx, unknown["found"])
    extra = _EXTRA.search(str(error.message))
    return _extra_words(error.ctx, extra["found"]) if extra else ""


def _unknown_option(ctx: Any, option: str) -> str:
    from obslaws.errors import nearest_names

    told, path = f"No such option: {option}.", _path(ctx)
    commands = getattr(ctx.command, "commands", None)
    if commands:
        given = ctx.meta.get(_GIVEN, [])
        named = next((word for word in given[given.index(path[-1]) + 1 if path[1:] else 0 :] if word in commands), None)
        if named is None or option in _options(commands[named]) or hasattr(commands[named], "commands"):
            command = named or "COMMAND"
            return f"{told} Options stand behind the command: {' '.join([*path, command])} {option} ..."
        return (
            f"{told} Neither {path[-1]} nor {' '.join([*path[1:], named])} has it; see {' '.join([*path, named])} -h."
        )
    options = {one.lstrip("-"): one for one in _options(ctx.command)}
    near = [options[one] for one in nearest_names(option.lstrip("-"), options)]
    if near:
        return f"{told} Did you mean {' or '.join(map(repr, near))}?"
    plain = f" It is written {' '.join([*path, *arguments])}." if (arguments := _arguments(ctx)) else ""
    return f"{told}{plain} See {' '.join(path)} -h."


def _unknown_command(ctx: Any, found: str) -> str:
    from obslaws.errors import nearest_names

    path, commands = " ".join(_path(ctx)), ctx.command.commands
    below = [name for name, one in commands.items() if found in getattr(one, "commands", ())]
    near = [] if below else nearest_names(found, commands)
    written = f" It is written {' or '.join(f'{path} {name} {found}' for name in below)}." if below else ""
    offer = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    known = ", ".join(sorted(commands))
    return f"No such command: {path} {found}.{written}{offer} Commands of {path}: {known}; see {path} -h."


def _extra_words(ctx: Any, found: str) -> str:
    path, arguments, options = " ".join(_path(ctx)), _arguments(ctx), _options(ctx.command)
    takes = f"{' '.join(arguments)} and options" if arguments else "options only"
    needed = [max(p.opts, key=len) for p in ctx.command.params if p.param_type_name == "option" and p.required]
    name = "--family" if "--family" in options else next(iter(needed), None)
    word = found.split()[0] if found.split() else found
    cure = f"Name it by an option: {path} {name} {word} ..." if name else f"Options begin with --; see {path} -h."
    return f"{found!r} has no place in {path}, which takes {takes}. {cure}"


def _path(ctx: Any) -> list[str]:
    """Command as it is written, by the name of the program whatever started it."""
    words: list[str] = []
    while ctx.parent is not None:
        words.insert(0, str(ctx.info_name))
        ctx = ctx.parent
    return ["obslaws", *words]


def _options(command: Any) -> list[str]:
    return [name for p in command.params if p.param_type_name == "option" for name in (*p.opts, *p.secondary_opts)]


def _arguments(ctx: Any) -> list[str]:
    return [str(p.name).upper() for p in ctx.command.params if p.param_type_name == "argument"]


def clear_message(error: typer.BadParameter) -> str:
    """Say what was found and what was expected, with the nearest choice.

    Parameters
    ----------
    error : typer.BadParameter

    Returns
    -------
    str
        The message as it is where it says both already.

    Examples
    --------
    >>> clear_message(typer.BadParameter("Value error, 'jsn' is not one of 'table', 'json', 'csv'."))
    "'jsn' is not one of 'table', 'json', 'csv'. Did you mean 'json'?"
    """
    from obslaws.errors import nearest_names

    if hasattr(error, "param_type"):  # nothing was given; the name of an option alone says little of what it wants
        return error.message or str(getattr(error.param, "help", None) or "")
    if choice := _CHOICE.fullmatch(error.message):
        near = nearest_names(choice["found"].strip("'"), re.findall("'(.*?)'", choice["known"]), most=1)
        offer = f" Did you mean {near[0]!r}?" if near else ""
        return f"{choice['found']} is not one of {choice['known']}.{offer}"
    cause: Any = error.__cause__
    if not hasattr(cause, "errors"):
        return error.message
    told = cause.errors()[0]
    found = str(told.get("input"))
    if told["type"] not in _NUMBERS:
        return f"{found!r}: {error.message.removeprefix('Value error, ')}"
    percent = _PERCENT.fullmatch(found)
    meant = f" Did you mean {float(percent[1]) / 100:g}?" if percent and told["type"] == "float_parsing" else ""
    return f"{found!r} is not {_NUMBERS[told['type']]}.{meant}"
