from pathlib import Path

from django.core.management import BaseCommand

from tests.probes import attempts, effects, endings, hungry, processes, reports, stopping, stuck, telling


class Command(BaseCommand):
    help = "Do one thing that commands are not supposed to do, or say what a command finds itself in."

    def add_arguments(self, parser):
        parser.add_argument("action", help="The name of a function of one of the modules of tests.probes.")
        parser.add_argument("values", nargs="*", help="What the function is called with.")
        parser.add_argument(
            "--directory", type=Path, help="Where the probe and its test leave word for each other."
        )

    def handle(self, *, action, values, directory, **_):
        for module in (attempts, effects, endings, hungry, processes, reports, stopping, stuck, telling):
            if action in vars(module):
                return vars(module)[action](directory, *values)
        raise LookupError(action)
