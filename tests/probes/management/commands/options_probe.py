from django.core.management import BaseCommand

from brokerless import json_value


class Command(BaseCommand):
    help = "Have every kind of option, and do nothing."

    def add_arguments(self, parser):
        parser.add_argument("first")
        parser.add_argument("rest", nargs="*", type=int)
        parser.add_argument("--count", type=int, default=1)
        parser.add_argument("--tag", action="append", default=[])
        parser.add_argument("--pair", nargs=2)
        parser.add_argument("--n", type=int)
        parser.add_argument("--many", nargs="+")
        parser.add_argument("--loud", action="store_true")
        parser.add_argument("--no-wait", action="store_false", dest="wait")
        parser.add_argument("--news", action="store_true", dest="news", default=None)
        parser.add_argument("--no-news", action="store_false", dest="news")
        parser.add_argument("--colour", choices=["red", "blue"])
        parser.add_argument("--filters", type=json_value, default={})
        parser.add_argument("-d", dest="depth", action="count", default=0)

    def handle(self, **_):
        """Do nothing: what the parser makes of the words is what is looked at."""
