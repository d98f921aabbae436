"""From a task's arguments (JSON) to the words of a command line, read by the command's own parser."""

from __future__ import annotations

import argparse
import json
import re
import reprlib
from typing import TYPE_CHECKING, Any

from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand, CommandError

from brokerless.exceptions import InvalidArguments, UnknownCommand

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Print something and end the process: nothing that a task can be asked to do.
LEAVING = (argparse._HelpAction, argparse._VersionAction)  # noqa: SLF001
REPEATED = (argparse._AppendAction, argparse._ExtendAction)  # noqa: SLF001

# What argparse takes for a value although it begins with a dash.
NUMBER = re.compile(r"-\d+|-\d*\.\d+")
# An even number of backslashes before it are escaped backslashes.
ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def json_value(text: str) -> Any:
    """Read an option's value as JSON: `add_argument("--ids", type=json_value)`.

    Such an option takes lists and objects, too: `launch()` is given them as they are, by hand they are typed.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no JSON: {error}") from error


# By this a parser's type says that it reads JSON, whatever it asks of it.
json_value.reads_json = True


def load_command(name: str) -> BaseCommand:
    """Return the command of that name. Raises UnknownCommand if there is none."""
    app = get_commands().get(name)
    if app is None:
        raise UnknownCommand(f"There is no management command {name!r}; `manage.py help` lists them.")
    return app if isinstance(app, BaseCommand) else load_command_class(app, name)


def as_json(value: Any, what: str) -> Any:
    """Return `value` as JSON gives it back. Raises InvalidArguments when it is none."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        text.encode()  # fails for a lone surrogate, as an odd file name holds it
        if ESCAPED_NUL.search(text):
            raise ValueError("it holds the character NUL")
        return json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArguments(
            f"The {what} cannot be stored as JSON ({error}): pass text, numbers, true, false, null, lists and "
            f"objects; for a model instance its primary key. It is {reprlib.repr(value)}."
        ) from error


def storable(text: str) -> str:
    """Replace NUL, which PostgreSQL refuses, and the surrogates that stand for the bytes of odd file names."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


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
    actions: dict[str, list[argparse.Action]] = {}
    for action in parser._actions:  # noqa: SLF001 - argparse has no other list
        if not isinstance(action, LEAVING):
            actions.setdefault(action.dest, []).append(action)
    by_name = {name.replace("-", "_"): value for name, value in options.items() if value is not None}
    unknown = sorted(set(by_name) - set(actions))
    if unknown:
        known = ", ".join(sorted(actions))
        raise InvalidArguments(f"There is no option {unknown[0]!r}; the options are: {known}.")
    words: list[str] = []
    for name, value in by_name.items():
        if actions[name][0].option_strings:
            words += _option_words(_meant(actions[name], value), value)
    positional = [word_of(value) for value in _positional(parser, arguments, by_name)]
    # Without the dashes -5 would be read as an option, and an option of many values would take the first.
    is_ambiguous = any(word.startswith("-") for word in positional)
    follows_values = bool(positional and words and not words[-1].startswith("--"))
    return [*words, *(["--"] if is_ambiguous or follows_values else []), *positional]


def _meant(actions: list[argparse.Action], value: Any) -> argparse.Action:
    """Return the action that gives an option this value: `--news` and `--no-news` may be two of one option."""
    switches = [action for action in actions if action.nargs == 0 and action.const == value]
    return (switches or actions)[0]


def _positional(
    parser: argparse.ArgumentParser, arguments: Sequence[Any], by_name: Mapping[str, Any]
) -> list[Any]:
    """Return the positionals in the parser's order: those given by name, the others from `arguments`."""
    rest = [*arguments]
    words: list[Any] = []
    for action in parser._actions:  # noqa: SLF001
        if action.option_strings:
            continue
        if action.dest in by_name:
            words += _listed(by_name[action.dest])
        else:
            count = 1 if action.nargs is None else action.nargs if isinstance(action.nargs, int) else len(rest)
            words += rest[:count]
            rest = rest[count:]
    return words + rest


def _option_words(action: argparse.Action, value: Any) -> list[str]:
    flag = next((f for f in action.option_strings if f.startswith("--")), action.option_strings[0])
    if isinstance(action, argparse._CountAction):  # noqa: SLF001
        return [flag] * int(value)
    if action.nargs == 0 or isinstance(action, argparse.BooleanOptionalAction):
        return _switch_words(action, flag, value)
    if action.nargs not in (None, "?"):
        return [flag, *_bare_words(action, _listed(value))]
    if isinstance(action, REPEATED):
        return [f"{flag}={word_of(item)}" for item in _listed(value)]
    if getattr(action.type, "reads_json", False):
        return [f"{flag}={json.dumps(value)}"]
    if isinstance(value, list | dict):
        raise InvalidArguments(f"The option {action.dest!r} takes one value, not {value!r}.")
    return [f"{flag}={word_of(value)}"]


def _bare_words(action: argparse.Action, values: list[Any]) -> list[str]:
    """Return the values of an option that takes several; none may be read as an option of its own."""
    if not values and action.nargs == "+":
        raise InvalidArguments(f"The option {action.dest!r} takes at least one value; leave it out for none.")
    words = [word_of(value) for value in values]
    for word in words:
        if word.startswith("-") and not NUMBER.fullmatch(word):
            raise InvalidArguments(
                f"The option {action.dest!r} takes several values, of which none may begin with a dash: {word!r}."
            )
    return words


def _switch_words(action: argparse.Action, flag: str, value: Any) -> list[str]:
    if not isinstance(value, bool):
        if type(action) is argparse._StoreConstAction and value == action.const:  # noqa: SLF001
            return [flag]
        raise InvalidArguments(f"The option {action.dest!r} is true or false, not {value!r}.")
    if isinstance(action, argparse.BooleanOptionalAction):
        return [flag if value else next(f for f in action.option_strings if f.startswith("--no-"))]
    is_given = value != isinstance(action, argparse._StoreFalseAction)  # noqa: SLF001
    return [flag] if is_given else []


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def word_of(value: Any) -> str:
    """Spell a JSON value as a person would type it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value) if isinstance(value, dict) else str(value)
