from django.core.management import BaseCommand


class Command(BaseCommand):
    help = "Have an option that no form has a field for, and do nothing."

    def add_arguments(self, parser):
        parser.add_argument("names", nargs="*")
        parser.add_argument("--pair", nargs=2, action="append")

    def handle(self, **_):
        """Do nothing: what a form makes of the words is what is looked at."""
