"""`manage.py tasks`: what an operator does with tasks; one subcommand each."""

from __future__ import annotations

import os
from argparse import SUPPRESS
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from brokerless.management.subcommands import SUBCOMMANDS

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Look after the tasks of this site: `manage.py tasks SUBCOMMAND --help` explains each subcommand."
    # A pause must not fail over a template; `manage.py check` is a command of its own.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        subparsers = parser.add_subparsers(dest="subcommand", metavar="SUBCOMMAND", required=True)
        for subcommand in SUBCOMMANDS:
            # No abbreviations: they would be found in the words of a command that is launched, too.
            own = subparsers.add_parser(
                subcommand.name, help=subcommand.help, description=subcommand.help, allow_abbrev=False
            )
            subcommand.add_arguments(own)
            _add_usual_options(own)

    def handle(self, *, subcommand: str, verbosity: int, **options: Any) -> None:
        chosen = next(each for each in SUBCOMMANDS if each.name == subcommand)
        try:
            chosen(self.stdout, self.stderr, verbosity=verbosity).run(**options)
            self.stdout.flush()
        except BrokenPipeError:
            # Whoever read it, `head` for example, has enough. What is still buffered would fail at the exit again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _add_usual_options(parser: ArgumentParser) -> None:
    """Let Django's own options stand behind the subcommand, too; there they override those in front of it."""
    usual = parser.add_argument_group("Django's options")
    usual.add_argument(
        "-v", "--verbosity", type=int, choices=[0, 1, 2, 3], default=SUPPRESS, help="0: only errors."
    )
    usual.add_argument("--settings", default=SUPPRESS, help="The dotted path of the settings module.")
    usual.add_argument("--pythonpath", default=SUPPRESS, help="A directory to import from.")
    usual.add_argument("--traceback", action="store_true", default=SUPPRESS, help="Show where an error came from.")
    usual.add_argument("--no-color", action="store_true", default=SUPPRESS, help="Print without colours.")
    usual.add_argument("--force-color", action="store_true", default=SUPPRESS, help="Print with colours always.")
