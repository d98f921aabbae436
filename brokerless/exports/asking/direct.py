"""Small selections, written and sent by the request itself, with no task."""

from __future__ import annotations

import math
import tempfile
from contextlib import closing
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from django.template.defaultfilters import filesizeformat
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from brokerless.exports.conf import settings
from brokerless.exports.exceptions import ExportError
from brokerless.exports.reading import RowCount, file_pieces
from brokerless.exports.snapshot import one_moment
from brokerless.exports.time_limit import Deadline, time_limit
from brokerless.exports.writing import Export

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from brokerless.exports.asking.forms import Asked

    Item = TypeVar("Item")

# A file is in memory until it is larger than this, in bytes; then it is a nameless one on the disk.
IN_MEMORY = 2**20


class TooLarge(ExportError):  # noqa: N818 - reads as what it says
    """The file is larger, or takes longer, than what is sent at once; the text says than which limit."""


class LimitedRows(RowCount):
    """Counts the rows of what passes, until they are too many or the time is over."""

    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def over(self, items: Iterable[Item], size: Callable[[Item], int]) -> Iterator[Item]:
        """Yield the items. Raises TooLarge."""
        for item in super().over(items, size):
            if self.rows > settings.DIRECT_LIMIT:
                raise TooLarge(_too_many_rows(settings.DIRECT_LIMIT))
            if self._deadline.is_over:
                raise TooLarge(_too_long(self._deadline.seconds))
            yield item


def write_directly(asked: Asked) -> tuple[BinaryIO, int]:
    """Return the file, at its beginning, and its size in bytes. Raises TooLarge, or why it cannot be written.

    It is complete before anything of it is sent: what goes wrong in the last row is told by the response's
    status and not by a file that ends early, and no slow client holds a statement of the database open.
    """
    file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - the response closes it
    try:
        _write_in_time(_export(asked), file)
        size = file.tell()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file, size


def _write_in_time(export: Export, file: BinaryIO) -> None:
    deadline = Deadline(settings.DIRECT_SECONDS)
    using = export.queryset.db
    try:
        with one_moment(using), time_limit(using, deadline):
            _write(export, file, LimitedRows(deadline))
    except TooLarge:
        raise
    except ExportError as error:
        if deadline.is_over:  # why the database gave up
            raise TooLarge(_too_long(deadline.seconds)) from error
        raise


def _write(export: Export, file: BinaryIO, count: LimitedRows) -> None:
    """Write the rows by one statement, which does not count them before: one row more than allowed is too many."""
    with closing(file_pieces(export, count, is_counted=False)) as pieces:
        for piece in pieces:
            file.write(piece)
            if file.tell() > settings.DIRECT_BYTES:
                text = _("The file is larger than %(most)s.")
                raise TooLarge(text % {"most": filesizeformat(settings.DIRECT_BYTES)})


def _export(asked: Asked) -> Export:
    """Return the export of as many rows as are allowed, and of one more, which tells that there are too many."""
    exporter = asked.exporter
    return Export(
        asked.rows()[: settings.DIRECT_LIMIT + 1],
        exporter.get_columns(asked.file.columns),
        unit=exporter.unit,
        layout=asked.file.layout,
        quiet=True,
    )


def _too_many_rows(most: int) -> str:
    text = ngettext("These are more than %(most)s row.", "These are more than %(most)s rows.", most)
    return text % {"most": number_format(most, use_l10n=True, force_grouping=True)}


def _too_long(most: float) -> str:
    text = ngettext(
        "The file takes longer than %(most)s second.",
        "The file takes longer than %(most)s seconds.",
        math.ceil(most),
    )
    return text % {"most": number_format(most)}
