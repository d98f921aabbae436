"""From a task's arguments (JSON) to the words of a command line, read by the command's own parser."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand, CommandError

from brokerless.exceptions import InvalidArguments, UnknownCommand

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REPEATED = (argparse._AppendAction, argparse._ExtendAction)  # noqa: SLF001


def load_command(name: str) -> BaseCommand:
    """Return the command of that name. Raises UnknownCommand if there is none."""
    app = get_commands().get(name)
    if app is None:
        raise UnknownCommand(f"There is no management command {name!r}; `manage.py help` lists them.")
    return app if isinstance(app, BaseCommand) else load_command_class(app, name)


def as_json(value: Any, what: str) -> Any:
    """Return `value` as JSON gives it back. Raises InvalidArguments when it is none."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InvalidArguments(
            f"The {what} {value!r} cannot be stored as JSON ({error}): pass text, numbers, true, false, null, "
            "lists and objects; for a model instance its primary key."
        ) from error


def parse(
    name: str, arguments: Sequence[Any], options: Mapping[str, Any]
) -> tuple[BaseCommand, tuple[Any, ...], dict[str, Any]]:
    """Return the command, and the positional and keyword arguments for its `execute()`.

    Raises UnknownCommand, or InvalidArguments with the reason when the command's parser refuses them.
    """
    command = load_command(name)
    parser = command.create_parser("manage.py", name)
    words = command_line(parser, arguments, options)
    try:
        parsed = vars(parser.parse_args(words))
    except CommandError as error:  # what the parser raises where a terminal would get usage and exit code 2
        raise InvalidArguments(f"{name}: {error}".replace("Error: ", "", 1)) from error
    return command, parsed.pop("args", ()), parsed


def command_line(
    parser: argparse.ArgumentParser, arguments: Sequence[Any], options: Mapping[str, Any]
) -> list[str]:
    """Return the words that mean these arguments to the parser; a positional may be given by its name.

    Raises InvalidArguments for an option that the parser does not have.
    """
    actions = {action.dest: action for action in parser._actions}  # noqa: SLF001 - argparse has no other list
    by_name = {name.replace("-", "_"): value for name, value in options.items() if value is not None}
    unknown = sorted(set(by_name) - set(actions))
    if unknown:
        known = ", ".join(sorted(set(actions) - {"help", "version"}))
        raise InvalidArguments(f"There is no option {unknown[0]!r}; the options are: {known}.")
    words: list[str] = []
    for name, value in by_name.items():
        if actions[name].option_strings:
            words += _option_words(actions[name], value)
    positional = [*arguments]
    for action in parser._actions:  # noqa: SLF001 - in the parser's order
        if not action.option_strings and action.dest in by_name:
            positional += _listed(by_name[action.dest])
    # Without the dashes -5 would be read as an option.
    separator = ["--"] if any(str(word).startswith("-") for word in positional) else []
    return [*words, *separator, *map(_word, positional)]


def _option_words(action: argparse.Action, value: Any) -> list[str]:
    flag = next((f for f in action.option_strings if f.startswith("--")), action.option_strings[0])
    if isinstance(action, argparse._CountAction):  # noqa: SLF001
        return [flag] * int(value)
    if action.nargs == 0 or isinstance(action, argparse.BooleanOptionalAction):
        return _switch_words(action, flag, value)
    if action.nargs not in (None, "?"):
        return [flag, *map(_word, _listed(value))]
    if isinstance(action, REPEATED):
        return [f"{flag}={_word(item)}" for item in _listed(value)]
    if isinstance(value, list | dict):
        raise InvalidArguments(f"The option {action.dest!r} takes one value, not {value!r}.")
    return [f"{flag}={_word(value)}"]


def _switch_words(action: argparse.Action, flag: str, value: Any) -> list[str]:
    if not isinstance(value, bool):
        raise InvalidArguments(f"The option {action.dest!r} is true or false, not {value!r}.")
    if isinstance(action, argparse.BooleanOptionalAction):
        return [flag if value else next(f for f in action.option_strings if f.startswith("--no-"))]
    is_given = value != isinstance(action, argparse._StoreFalseAction)  # noqa: SLF001
    return [flag] if is_given else []


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _word(value: Any) -> str:
    """Spell a JSON value as a person would type it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value) if isinstance(value, dict) else str(value)
