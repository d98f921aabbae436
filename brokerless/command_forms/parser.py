"""A command's own parser, without what is not to be filled in."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from brokerless.arguments import LEAVING, load_command
from brokerless.words import LEFT_OUT

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class NotOffered(Exception):  # noqa: N818 - reads as what it says
    """A command is none that can be filled in as a form; the words say why."""


def offered_parser(name: str) -> CommandParser:
    """Return a command's parser, to which Django's options of how a process runs are unknown.

    So are those that the command names in `hidden_in_forms`, and those of which its help says nothing. It raises
    argparse.ArgumentError where the error is one of a single option.

    Raises UnknownCommand; NotOffered for a command with subcommands, with an option that opens a file as soon as
    it is read, or whose words may name a file to read more words from.
    """
    command = load_command(name)
    parser = command.create_parser("manage.py", name)
    if parser.fromfile_prefix_chars:
        raise NotOffered(_("a word of it can name a file, which is read"))
    hidden = LEFT_OUT | set(getattr(command, "hidden_in_forms", ()))
    for action in list(parser._actions):  # noqa: SLF001 - argparse has no other list
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            raise NotOffered(_("it has subcommands"))
        if isinstance(action.type, argparse.FileType):
            raise NotOffered(_("an option of it opens a file as soon as it is read"))
        is_kept_quiet = action.help is argparse.SUPPRESS and not action.required
        if isinstance(action, LEAVING) or action.dest in hidden or is_kept_quiet:
            _remove(parser, action)
    parser.exit_on_error = False
    return parser


def _remove(parser: CommandParser, action: argparse.Action) -> None:
    parser._actions.remove(action)  # noqa: SLF001
    for flag in action.option_strings:
        parser._option_string_actions.pop(flag, None)  # noqa: SLF001
    for group in parser._mutually_exclusive_groups:  # noqa: SLF001
        if action in group._group_actions:  # noqa: SLF001
            group._group_actions.remove(action)  # noqa: SLF001
