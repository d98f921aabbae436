"""`manage.py tasks purge`."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError
from django.db import Error

from brokerless.conf import settings
from brokerless.exceptions import RuntimeDirError
from brokerless.management.subcommands.base import Subcommand, counted
from brokerless.management.subcommands.quantities import duration
from brokerless.outcome import size_words
from brokerless.purging import LONGEST_AGE, purge

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from brokerless.sweeping import Removed

LONGEST_TIME = timedelta(days=LONGEST_AGE)


class Purge(Subcommand):
    """Remove what is over."""

    name = "purge"
    help = (
        "Remove the tasks that ended long ago, with their logs, and what lies in the runtime directory of this "
        "host and belongs to no task any more. Unfinished tasks stay."
    )

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--older-than",
            type=age,
            metavar="TIME",
            help="Remove what ended longer ago than this: 90m, 12h, 30d or 2w. By default PURGE_AFTER of the "
            "settings.",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Say what would be removed, and remove nothing."
        )
        parser.add_argument("--json", action="store_true", help="Print what was done as JSON.")

    def run(self, *, older_than: timedelta | None, dry_run: bool, json: bool, **_: Any) -> None:
        if older_than is None and settings.PURGE_AFTER is None:
            raise CommandError("Say --older-than, such as 30d: BROKERLESS['PURGE_AFTER'] is None.", returncode=2)
        if older_than is None:
            older_than = timedelta(days=settings.PURGE_AFTER)
        try:
            purged = purge(older_than=older_than, is_dry_run=dry_run)
        except RuntimeDirError as error:
            raise CommandError(str(error)) from error
        except Error as error:
            raise CommandError(f"Not all was purged, as the database refused: {error}") from error
        if json:
            self.stdout.write(as_json(purged, older_than=older_than, is_dry_run=dry_run))
            return
        self.say(sentence(purged, is_dry_run=dry_run))
        for line in purged.left:
            self.stderr.write(f"Left alone: {line}")


def sentence(purged: Removed, *, is_dry_run: bool) -> str:
    """Say what a purge did, in one line."""
    parts = done(purged)
    if not parts:
        return "Nothing to purge."
    return f"{'Would purge' if is_dry_run else 'Purged'} {', '.join(parts)}: {size_words(purged.bytes)}."


def done(purged: Removed) -> list[str]:
    """Return what a purge removed in words; nothing for nothing."""
    parts = [counted(purged.tasks)] if purged.tasks else []
    if purged.directories:
        word = "directory" if purged.directories == 1 else "directories"
        parts.append(f"{purged.directories} {word} of no task")
    if purged.temporary_files:
        parts.append(counted(purged.temporary_files, "temporary file"))
    return parts + purged.others


def as_json(purged: Removed, *, older_than: timedelta, is_dry_run: bool) -> str:
    found = asdict(purged)
    del found["is_complete"]  # without a time limit it always is
    return json.dumps({"dry_run": is_dry_run, "older_than_seconds": older_than.total_seconds()} | found, indent=2)


def age(text: str) -> timedelta:
    """Read a duration that leads to no date before the calendar's first."""
    found = duration(text)
    if found > LONGEST_TIME:
        raise ArgumentTypeError(f"{text!r} is longer than a hundred years.")
    return found
