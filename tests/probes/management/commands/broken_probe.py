"""A command that cannot be imported where TEST_BROKEN_COMMAND is set."""

import os

from django.core.management import BaseCommand

if "TEST_BROKEN_COMMAND" in os.environ:
    raise ImportError("This command is broken on purpose.")


class Command(BaseCommand):
    help = "Do nothing."

    def handle(self, **_):
        pass
