"""`manage.py tasks check`."""

from __future__ import annotations

import json as json_module
import sys
from typing import TYPE_CHECKING, Any

from brokerless import health
from brokerless.management.subcommands.base import Subcommand

if TYPE_CHECKING:
    from argparse import ArgumentParser

EXIT_NOT_HEALTHY = 1


class Check(Subcommand):
    """Say whether tasks are well."""

    name = "check"
    help = (
        "Say whether tasks are well: what waits for too long, was lost or could not be started, whether anything "
        "is running that starts tasks, and whether the disk has room. Exits with 1 and a line for each problem "
        "if not."
    )

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print what was found as JSON.")

    def run(self, *, json: bool, **_: Any) -> None:
        problems = health.look()
        is_healthy = health.is_healthy(problems)
        if json:
            self.stdout.write(json_module.dumps(health.as_json(problems), indent=2))
        elif is_healthy:
            self.say(" ".join(["Tasks are well.", *(problem.text for problem in problems)]))
        else:
            # Whoever wants to hear of errors only wants to hear of these.
            self.stdout.write("\n".join(problem.text for problem in problems))
        if not is_healthy:
            sys.exit(EXIT_NOT_HEALTHY)
