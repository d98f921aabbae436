"""From typed words to a task's arguments and options: what `brokerless.arguments` does, the other way round."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NamedTuple

from django.core.management.base import CommandError

from brokerless.arguments import as_json, command_line, load_command, word_of
from brokerless.exceptions import InvalidArguments

if TYPE_CHECKING:
    from collections.abc import Sequence

# Of Django's own options those that say how a process runs, and not what it does.
LEFT_OUT = frozenset({"settings", "pythonpath", "traceback", "no_color", "force_color", "skip_checks"})


class ReadWords(NamedTuple):
    """What was typed: as `launch()` has it, and the words that the command's parser does not know."""

    arguments: list[Any]
    options: dict[str, Any]
    unknown: list[str]


def read_words(name: str, words: Sequence[str]) -> ReadWords:
    """Read words as the command's own parser does.

    Raises UnknownCommand; InvalidArguments when the parser refuses them, or when no arguments and options of a
    task would mean the same to it, as of a command that has subcommands.
    """
    typed, unknown = _typed(name, words)
    given = _given(name, words)
    arguments, options = _as_task_has_it(name, given, typed)
    read = as_json(arguments, "arguments"), as_json(options, "options")
    # Compared as it was typed: what a type makes of two equal words need not be equal.
    if unknown or _given(name, command_line(_parser(name), *read)) == given:
        return ReadWords(*read, unknown)
    raise InvalidArguments(f"{name}: these words cannot be kept as a task's arguments and options: {words!r}.")


def _typed(name: str, words: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    parser = _parser(name)
    if any(isinstance(action, argparse._SubParsersAction) for action in parser._actions):  # noqa: SLF001
        raise InvalidArguments(f"{name} has subcommands, which cannot be kept as a task's arguments and options.")
    try:
        found, unknown = parser.parse_known_args(list(words))
    except CommandError as error:
        raise InvalidArguments(f"{name}: {error}".replace("Error: ", "", 1)) from error
    return vars(found), unknown


def _given(name: str, words: Sequence[str]) -> dict[str, Any]:
    """Return what was really typed, by name, as it was typed; nothing that is a default."""
    parser = _parser(name)
    for action in parser._actions:  # noqa: SLF001 - argparse has no other list
        action.default, action.choices = argparse.SUPPRESS, None
        action.type = action.type if getattr(action.type, "reads_json", False) else None
    parser._defaults.clear()  # noqa: SLF001 - what its `set_defaults()` gave to more than one option
    found = vars(parser.parse_known_args(list(words))[0])
    return {name: value for name, value in found.items() if name not in LEFT_OUT}


def _as_task_has_it(name: str, given: dict[str, Any], typed: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return the positional and the named values."""
    arguments: list[Any] = []
    options: dict[str, Any] = {}
    remaining = dict(given)
    is_in_order = True
    for action in _parser(name)._actions:  # noqa: SLF001
        if action.dest not in remaining:
            continue
        value = _as_value(remaining.pop(action.dest), typed[action.dest])
        # Behind one that takes as many as there are, a position says nothing any more.
        if action.option_strings or not is_in_order:
            options[action.dest] = value
        else:
            arguments += value if isinstance(value, list) else [value]
            is_in_order = action.nargs is None or isinstance(action.nargs, int)
    return arguments, options


def _parser(name: str) -> argparse.ArgumentParser:
    return load_command(name).create_parser("manage.py", name)


def _as_value(given: Any, typed: Any) -> Any:
    """Return a value as JSON has it where that is spelled in the same way, and else as it was typed."""
    if isinstance(given, list) and isinstance(typed, list) and len(given) == len(typed):
        return [_as_value(*pair) for pair in zip(given, typed, strict=True)]
    is_same = isinstance(typed, str | int | float) and word_of(typed) == given
    return typed if is_same else given
