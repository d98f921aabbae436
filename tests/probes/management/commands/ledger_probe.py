import os
import time
from pathlib import Path

from django.core.management import BaseCommand

from brokerless import current_task


class Command(BaseCommand):
    help = "Note its start and its end in a file that many processes write."

    def add_arguments(self, parser):
        parser.add_argument("ledger", type=Path)

    def handle(self, *, ledger, **_):
        for word in ("start", "end"):
            # One short write at the file's end is whole (write(2), O_APPEND); the clock is the whole machine's.
            descriptor = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.write(descriptor, f"{current_task().id} {word} {time.monotonic_ns()}\n".encode())
            os.close(descriptor)
