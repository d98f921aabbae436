"""Export the authors, with their number of books; its options come from the exporter that the site declares."""

from brokerless.exports.commands import ExportCommand


class Command(ExportCommand):
    exporter = "authors"
