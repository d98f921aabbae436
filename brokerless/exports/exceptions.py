"""What can go wrong with an export, in words for the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from brokerless.arguments import storable
from brokerless.exceptions import BrokerlessError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from brokerless.exports.mailing.delivered import Delivered


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


class InvalidOptions(InvalidFilters):
    """Options of the file that do not exist, have a wrong value or contradict each other; as errors of filters."""


class InvalidSelection(ExportError):  # noqa: N818
    """What was selected in Django's admin cannot be found again."""


class PermissionRefused(ExportError):  # noqa: N818
    """The owner of the task may not see what is to be exported."""


class OutputError(ExportError):
    """The file cannot be written where it should go."""


class UnsuitableValue(OutputError):  # noqa: N818
    """A value that the file's format cannot hold.

    row: counted from 1, without the header; None where only the column is known. column: its header.
    """

    def __init__(self, reason: str, *, column: str, row: int | None = None) -> None:
        self.reason, self.column, self.row = reason, column, row
        where = _("Row %(row)s, column “%(column)s”: %(reason)s") if row else _("Column “%(column)s”: %(reason)s")
        super().__init__(where % {"row": row, "column": column, "reason": reason})


class InvalidRecipients(ExportError):  # noqa: N818
    """What an export was to be mailed to is no e-mail address, or there are too many of them."""


class MailError(ExportError):
    """Not every mail was sent; the file is kept.

    delivered: what became of each. is_final: whether another attempt would send nothing either.
    """

    def __init__(self, text: str, *, delivered: Delivered | None = None) -> None:
        super().__init__(text)
        self.delivered = delivered
        self.is_final = delivered is not None and not delivered.waiting
