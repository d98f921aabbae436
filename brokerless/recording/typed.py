"""What was typed: which command, whether it is recorded, and what else than the command is asked for."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from django.core.management.base import CommandParser, handle_default_options

from brokerless.conf import settings
from brokerless.current import INSIDE_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

SKIP, WAIT, FAIL = "skip", "wait", "fail"
LEAVING = {"-h", "--help", "--version"}
HELP = f"""
recorded runs:
  --no-record           Run it without leaving a row and a log.
  --if-running {{{SKIP},{WAIT},{FAIL}}}
                        What to do if the same, with the same options, is running ({SKIP})."""


@dataclass(frozen=True)
class Typed:
    """A command line, without what is ours.

    argv: as Django is to have it. name: the command's; empty for none. if_running: SKIP, WAIT or FAIL.
    """

    argv: list[str]
    name: str = ""
    is_recorded: bool = False
    asks_for_help: bool = False
    if_running: str = SKIP

    @property
    def words(self) -> list[str]:
        """What follows the command's name."""
        return self.argv[2:]


def read(argv: Sequence[str]) -> Typed:
    """Read a command line; one that is wrong is left for Django to refuse."""
    argv = list(argv)
    name = argv[1] if len(argv) > 1 else ""
    # What a task's own command starts is a part of that task.
    if not name or name.startswith("-") or INSIDE_VARIABLE in os.environ or not _is_to_be_recorded(argv, name):
        return Typed(argv)
    own, words = _own_parser(argv).parse_known_args(argv[2:])
    asks_for_help = not LEAVING.isdisjoint(words)
    return Typed(
        [*argv[:2], *words],
        name,
        is_recorded=not own.no_record and not asks_for_help,
        asks_for_help=asks_for_help,
        if_running=own.if_running,
    )


def _is_to_be_recorded(argv: list[str], name: str) -> bool:
    """Tell whether BROKERLESS["RECORD"] names the command."""
    try:
        _heed_settings_option(argv)
        return any(fnmatchcase(name, pattern) for pattern in settings.RECORD)
    except Exception:  # of whatever kind: Django meets the same, and says it as it always does
        return False


def _heed_settings_option(argv: list[str]) -> None:
    """Heed `--settings` and `--pythonpath` before the settings are read, as Django does."""
    parser = CommandParser(add_help=False, allow_abbrev=False, called_from_command_line=False)
    parser.add_argument("--settings")
    parser.add_argument("--pythonpath")
    handle_default_options(parser.parse_known_args(argv[2:])[0])


def _own_parser(argv: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"{Path(argv[0]).name} {argv[1]}", add_help=False, allow_abbrev=False)
    parser.add_argument("--no-record", action="store_true")
    parser.add_argument("--if-running", choices=[SKIP, WAIT, FAIL], default=SKIP)
    return parser
