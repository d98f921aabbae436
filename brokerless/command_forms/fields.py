"""From what a command's parser takes to a form's fields, and from these back to what `launch()` takes."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext as _

from brokerless.arguments import word_of
from brokerless.call import in_words
from brokerless.command_forms.json_field import JsonField
from brokerless.command_forms.lines import LinesField
from brokerless.command_forms.wording import help_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# Of argparse's own; what another class makes of its words nobody knows.
SWITCHES = (argparse._StoreTrueAction, argparse._StoreFalseAction, argparse._StoreConstAction)  # noqa: SLF001
LISTS = ("*", "+")
MOST_CHOICES = 500  # more are typed
LONGEST_VALUE = 10_000  # characters
MOST_TIMES = 9  # of -vvv
GIVEN, OMITTED = "true", "false"


class Unmapped(Exception):  # noqa: N818 - reads as what it says
    """There is no field for what a parser takes; the words say why."""


@dataclass(frozen=True)
class Part:
    """What a parser takes under one name.

    read: what `launch()` is given for the field's cleaned value; None for nothing. action: whose type checks each
    word; None where the field leaves nothing to be checked.
    """

    name: str
    field: forms.Field
    read: Callable[[Any], Any]
    action: argparse.Action | None = None


def parts_of(parser: argparse.ArgumentParser, labels: Mapping[str, str]) -> list[Part]:
    """Return the parts in the parser's order, but verbosity, which every command has, as the last.

    labels: of fields by name, where a flag's words are not to be theirs. Raises Unmapped.
    """
    actions: dict[str, list[argparse.Action]] = {}
    for action in parser._actions:  # noqa: SLF001 - argparse has no other list
        actions.setdefault(action.dest, []).append(action)
    parts = [_part(parser, name, of_name) for name, of_name in actions.items()]
    for part in parts:
        part.field.label = labels.get(part.name) or _label(part.name, actions[part.name])
    return sorted(parts, key=lambda part: part.name == "verbosity")


def _part(parser: argparse.ArgumentParser, name: str, actions: Sequence[argparse.Action]) -> Part:
    field, read, checked = _made(parser, actions)
    field.help_text = help_text(parser, actions)
    # To argparse even a positional of which there may be none is required.
    field.required = any(action.required and action.nargs not in ("?", "*") for action in actions)
    return Part(name, field, read, checked)


def _label(name: str, actions: Sequence[argparse.Action]) -> str:
    """Return the words of the flag, as `--no-input` says more than its name `interactive`."""
    flags = [flag for flag in actions[0].option_strings if flag.startswith("--")]
    return in_words(flags[0][2:].replace("-", "_") if flags and len(actions) == 1 else name)


def _made(parser: argparse.ArgumentParser, actions: Sequence[argparse.Action]) -> tuple[Any, Any, Any]:
    """Return the field, how it is read, and the action that checks its words."""
    action = actions[0]
    kind = type(action)
    if len(actions) > 1 or kind is argparse.BooleanOptionalAction:
        return *_switch_choice(actions), None
    if kind in SWITCHES and isinstance(action.const, bool):
        return forms.BooleanField(), lambda is_given: action.const if is_given else None, None
    if kind is argparse._CountAction:  # noqa: SLF001
        return forms.IntegerField(min_value=0, max_value=MOST_TIMES), lambda times: times or None, None
    is_repeated = kind is argparse._AppendAction and action.nargs is None  # noqa: SLF001
    is_repeated = is_repeated or (kind is argparse._ExtendAction and action.nargs in (None, *LISTS))  # noqa: SLF001
    if is_repeated or (kind is argparse._StoreAction and action.nargs in LISTS):  # noqa: SLF001
        return *_several(parser, action), action
    if kind is argparse._StoreAction and isinstance(action.nargs, int):  # noqa: SLF001
        return LinesField(max_length=LONGEST_VALUE, count=action.nargs), _unless_empty, action
    if kind is argparse._StoreAction and action.nargs in (None, "?"):  # noqa: SLF001
        return *_one(parser, action), action
    raise Unmapped(_("%(name)s is of a kind of its own") % {"name": _spoken(action)})


def _switch_choice(actions: Sequence[argparse.Action]) -> tuple[forms.Field, Callable]:
    """Return a field for switches of which one at most is given: `--news` and `--no-news`."""
    flags: dict[str, bool] = {}
    for action in actions:
        if isinstance(action, argparse.BooleanOptionalAction):
            flags |= {flag: not flag.startswith("--no-") for flag in action.option_strings if flag[:2] == "--"}
        elif type(action) in SWITCHES and isinstance(action.const, bool):
            flags[action.option_strings[-1]] = action.const
        else:
            raise Unmapped(_("%(name)s is given in more than one way") % {"name": _spoken(action)})
    choices = [("", _("as by default"))]
    for value, word in ((True, GIVEN), (False, OMITTED)):
        if flag := next((flag for flag, its in flags.items() if its is value), ""):
            choices.append((word, flag))
    return forms.ChoiceField(choices=choices), lambda word: word == GIVEN if word else None


def _several(parser: argparse.ArgumentParser, action: argparse.Action) -> tuple[forms.Field, Callable]:
    words = _choice_words(parser, action)
    if words is None:
        return LinesField(max_length=LONGEST_VALUE), _unless_empty
    field = forms.MultipleChoiceField(
        choices=[(word, word) for word in words], widget=forms.CheckboxSelectMultiple
    )
    return field, _unless_empty


def _one(parser: argparse.ArgumentParser, action: argparse.Action) -> tuple[forms.Field, Callable]:
    words = _choice_words(parser, action)
    if words is not None:
        choices = [("", "–" if action.required else _("as by default")), *((word, word) for word in words)]
        return forms.ChoiceField(choices=choices), _unless_empty
    if getattr(action.type, "reads_json", False):
        return JsonField(longest=LONGEST_VALUE), lambda value: value
    field = forms.CharField(max_length=LONGEST_VALUE)
    if action.type in (int, float):
        field.widget.attrs["inputmode"] = "numeric" if action.type is int else "decimal"
    return field, _unless_empty


def _choice_words(parser: argparse.ArgumentParser, action: argparse.Action) -> list[str] | None:
    """Return what may be given, as it is typed; None if that is anything, too much, or cannot be typed."""
    if action.choices is None:
        return None
    choices = list(islice(action.choices, MOST_CHOICES + 1))
    if len(choices) > MOST_CHOICES:
        return None
    words = [word_of(choice) for choice in choices]
    for word, choice in zip(words, choices, strict=True):
        try:
            is_same = parser._get_value(action, word) == choice  # noqa: SLF001 - what parsing does to it
        except Exception:  # a type is any function
            is_same = False
        if not is_same:
            return None
    return words


def _unless_empty(value: Any) -> Any:
    return value or None


def _spoken(action: argparse.Action) -> str:
    return "/".join(action.option_strings) or str(action.metavar or action.dest)
