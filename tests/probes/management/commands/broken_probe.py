"""A command that cannot be imported where TEST_BROKEN_COMMAND is set: it fails, or "hangs"."""

import os
import threading

from django.core.management import BaseCommand

if os.environ.get("TEST_BROKEN_COMMAND") == "hangs":
    threading.Event().wait()
if "TEST_BROKEN_COMMAND" in os.environ:
    raise ImportError("This command is broken on purpose.")


class Command(BaseCommand):
    help = "Do nothing."

    def add_arguments(self, parser):
        parser.add_argument("--text")

    def handle(self, **_):
        pass
