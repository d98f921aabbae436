"""What is said of a field: how it is spelled on a command line, what the command says of it, and its default."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from django.utils.html import format_html
from django.utils.translation import gettext as _

from brokerless.arguments import REPEATED, word_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.utils.safestring import SafeString

LONGEST_DEFAULT = 100  # characters


def help_text(parser: argparse.ArgumentParser, actions: Sequence[argparse.Action]) -> SafeString:
    """Return the words below a field. They are escaped here: the admin's templates take them for safe."""
    sentences = [*dict.fromkeys(_said(parser, action) for action in actions), *_remarks(parser, actions[0])]
    flags = " / ".join("/".join(action.option_strings) for action in actions if action.option_strings)
    text = " ".join(_ended(sentence) for sentence in sentences if sentence)
    return format_html("<code>{}</code> {}", flags, text) if flags else format_html("{}", text)


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?", ":", ")")) else f"{sentence}."


def _said(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    if not action.help or action.help is argparse.SUPPRESS:
        return ""
    try:
        return parser._get_formatter()._expand_help(action)  # noqa: SLF001 - what --help prints
    except (KeyError, TypeError, ValueError):  # a stray % in it; --help would fail
        return action.help


def _remarks(parser: argparse.ArgumentParser, action: argparse.Action) -> list[str]:
    """Return what the field itself needs to be said of."""
    found = []
    if isinstance(action, REPEATED) or (action.nargs and action.nargs != "?"):
        found.append("" if action.choices else _("One value in each line."))
    if default := _default(action):
        found.append(_("By default: %(default)s.") % {"default": default})
    for group in parser._mutually_exclusive_groups:  # noqa: SLF001 - argparse has no other list
        others = [_name(each) for each in group._group_actions if each.dest != action.dest]  # noqa: SLF001
        if action in group._group_actions and others:  # noqa: SLF001
            found.append(_("Not together with %(others)s.") % {"others": ", ".join(others)})
    return found


def _default(action: argparse.Action) -> str:
    """Return what a field that is left empty means; nothing where the help says it, or a switch is not given."""
    is_told = action.help and "%(default)" in action.help
    if is_told or action.default is argparse.SUPPRESS or isinstance(action.default, bool | list | dict | None):
        return ""
    return word_of(action.default)[:LONGEST_DEFAULT]


def _name(action: argparse.Action) -> str:
    return action.option_strings[-1] if action.option_strings else str(action.metavar or action.dest)
