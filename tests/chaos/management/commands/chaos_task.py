import os

from django.core.management import BaseCommand

from brokerless import current_task
from brokerless.processes import host_name, identify
from tests.chaos import behaviours
from tests.chaos.ledger import Ledger


class Command(BaseCommand):
    help = "Do one of the things that commands do in a chaos run, and keep the ledger."

    def add_arguments(self, parser):
        parser.add_argument("--number", type=int, required=True, help="Which one of the plan this is.")
        parser.add_argument("--kind", required=True, help="The name of a function of tests.chaos.behaviours.")
        parser.add_argument("--seconds", type=float, required=True, help="About how long it takes.")
        parser.add_argument("--queue", required=True, help="The queue that it was launched in.")
        parser.add_argument("--key", required=True, help="The unique key that it was launched with.")

    def handle(self, *, number, kind, seconds, queue, key, **_):
        call = behaviours.Call(Ledger.of_this_run(), number, seconds)
        # Before anything else: from here on it counts.
        call.note(
            "start",
            kind=kind,
            queue=queue,
            key=key,
            host=host_name(),
            process=identify(os.getpid()),
            monitor=identify(os.getppid()),
        )
        getattr(behaviours, kind)(call)
        call.note("end", result=str(current_task().id))
