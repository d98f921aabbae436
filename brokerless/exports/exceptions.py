"""What can go wrong with an export, in words for the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokerless.arguments import storable
from brokerless.exceptions import BrokerlessError

if TYPE_CHECKING:
    from collections.abc import Mapping


class ExportError(BrokerlessError):
    """The base of every error that the exports raise."""


class UnknownExporter(ExportError):  # noqa: N818
    """No exporter is registered under that name."""


class InvalidFilters(ExportError):  # noqa: N818
    """Filters that the exporter does not have, or that have a wrong value.

    errors: for each filter's name the sentences that say what is wrong.
    """

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        # A name is whatever was sent, JSON's half of a character too, which no page could be encoded with.
        self.errors = {storable(name): [str(text) for text in texts] for name, texts in errors.items()}
        super().__init__("; ".join(f"{name}: {' '.join(texts)}" for name, texts in self.errors.items()))


class PermissionRefused(ExportError):  # noqa: N818
    """The owner of the task may not see what is to be exported."""


class OutputError(ExportError):
    """The file cannot be written where it should go."""


class MailError(ExportError):
    """The mail was not sent; the file is kept."""
