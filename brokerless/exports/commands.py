"""The management command of an exporter, in two lines: a subclass and the exporter's name."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from brokerless import FinalError, current_task
from brokerless.current import is_in_background
from brokerless.exit_codes import EXIT_INTERRUPTED
from brokerless.exports.asking.file_options import FileOptions, clean_file_options, with_output
from brokerless.exports.asking.options import STANDARD_OUTPUT, add_options, option_labels
from brokerless.exports.asking.selection import Selection
from brokerless.exports.conf import settings
from brokerless.exports.exceptions import (
    ExportError,
    InvalidFilters,
    InvalidOptions,
    InvalidRecipients,
    InvalidSelection,
    MailError,
    OutputError,
    PermissionRefused,
)
from brokerless.exports.files.earlier import found_before
from brokerless.exports.files.request import Request
from brokerless.exports.files.storing import describe, local_path, store
from brokerless.exports.mailing.recipients import check_recipients
from brokerless.exports.registry import get_exporter
from brokerless.exports.writing import Export, Written, new_file, write, write_to_standard_output

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser
    from django.core.management.base import CommandParser

    from brokerless.current import CurrentTask
    from brokerless.exports.exporter import Exporter
    from brokerless.exports.models import ExportFile

EXIT_USAGE = 2  # as argparse ends a command that was typed wrongly


class ExportCommand(BaseCommand):
    """Stream an exporter's rows to a file and deliver it.

    Set `exporter` to the name it is registered under.
    """

    exporter: ClassVar[str]
    help = "Export rows to a file: stored and recorded, mailed, or written where you say."
    # Who fills in a form in a browser writes to no path of the server.
    hidden_in_forms = ("output",)

    @property
    def labels_in_forms(self) -> dict[str, str]:
        """Call the fields of such a form as that of the exporter does: some flags are short."""
        return option_labels(get_exporter(self.exporter))

    @property
    def queue_in_forms(self) -> str:
        """Have the form propose the queue that exports wait in."""
        return settings.QUEUE

    def run_from_argv(self, argv: list[str]) -> None:
        """Let SIGTERM end a run by hand as Ctrl-C does, so that no temporary file stays."""
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        super().run_from_argv(argv)

    def add_arguments(self, parser: CommandParser) -> None:
        add_options(parser, get_exporter(self.exporter))

    def handle(self, *, output: str | None, email: list[str] | None, verbosity: int, **options: Any) -> None:
        self.verbosity = verbosity
        try:
            self._export(get_exporter(self.exporter), output, email or [], options)
        except InvalidFilters as error:
            # By hand it is a mistake of typing, and Django shows the name of the class.
            kind = FinalError if is_in_background() else CommandError
            raise kind(str(error), returncode=EXIT_USAGE) from error
        except (InvalidRecipients, InvalidSelection, PermissionRefused) as error:
            raise FinalError(str(error)) from error
        except ExportError as error:
            is_final = isinstance(error, MailError) and error.is_final
            raise (FinalError if is_final else CommandError)(str(error)) from error
        except KeyboardInterrupt as interrupt:
            if is_in_background():
                raise  # the task was cancelled, and its row is to say so
            # Its frames hold the rows' cursor, which has to be closed before the connection is.
            interrupt.__traceback__ = None
            raise CommandError("Interrupted.", returncode=EXIT_INTERRUPTED) from None

    def _export(self, exporter: Exporter, output: str | None, email: list[str], options: dict[str, Any]) -> None:
        """Check everything, as code may say anything, and much may have changed since a view did; then export."""
        owner = _checked_owner(exporter)
        if email:
            check_recipients(owner, email)
        if output not in (None, STANDARD_OUTPUT):
            options = with_output(options, output)
        wanted = clean_file_options(exporter, options)
        selection = Selection.read(exporter, options, owner)
        export = Export(
            selection.rows(),
            exporter.get_columns(wanted.columns),
            unit=exporter.unit,
            layout=wanted.layout,
            quiet=self.verbosity == 0,
        )
        if output is None:
            self._store(selection, wanted, export, email)
        else:
            self._write(export, output)

    def _write(self, export: Export, output: str) -> None:
        if output == STANDARD_OUTPUT:
            _check_standard_output(export)
            # The summary goes elsewhere: there is nothing but the file on standard output.
            self._say(self.stderr, write_to_standard_output(export), "standard output")
            return
        path = Path(output).resolve()  # where a link leads to: not the link is to be replaced
        with new_file(path) as file:
            written = write(export, file)
        self._say(self.stdout, written, str(path))

    def _store(self, selection: Selection, wanted: FileOptions, export: Export, email: list[str]) -> None:
        owner = selection.owner
        request = Request(
            selection.exporter,
            selection.filters,
            owner_id=owner.pk if owner is not None else None,
            columns=wanted.columns,
            layout=wanted.layout,
            admin=selection.admin,
            title=selection.title(),
        )
        record = found_before(request)
        if record is None:
            record = store(request, export)
        result = describe(record)
        if (task := current_task()) is not None:
            task.result = result
        self._say(self.stdout, record, str(local_path(record) or record.storage_name))
        if email:
            self._mail(record, email, request.title, result)

    def _mail(self, record: ExportFile, email: list[str], title: str, result: dict[str, Any]) -> None:
        from brokerless.exports.mailing.delivery import (
            deliver,  # only when there is a mail: it takes its milliseconds
        )

        try:
            delivered = deliver(record, email, title=title)
        except MailError as error:
            result["mailed_to"] = error.delivered.sent if error.delivered is not None else []
            raise
        result["mailed_to"] = delivered.sent
        if self.verbosity > 0:
            self.stdout.write(f"Mailed to {', '.join(delivered.sent)}.")

    def _say(self, stream: Any, written: Written | ExportFile, where: str) -> None:
        if self.verbosity > 0:
            size = filesizeformat(written.bytes).replace("\N{NO-BREAK SPACE}", " ")
            stream.write(f"{written.rows:,} {'row' if written.rows == 1 else 'rows'}, {size}: {where}")
            if not written.rows:
                stream.write("Nothing was found, so that there are no rows in the file.")


def _check_standard_output(export: Export) -> None:
    """Raise OutputError where a file would be mixed into a log, InvalidOptions where it would spoil a terminal."""
    if is_in_background():
        raise OutputError("A task cannot write a file to standard output: its standard output is its log.")
    if sys.stdout.isatty() and (export.layout.is_gzipped or not export.layout.file_format.is_text):
        remedy = "redirect it, or have a format of text with --compress none"
        raise InvalidOptions({"output": [f"a compressed file is not written to a terminal; {remedy}."]})


def _checked_owner(exporter: Exporter) -> AbstractBaseUser | None:
    """Return the task's owner, None for one that never had any; much may have changed while the task waited."""
    task = current_task()
    if task is None or not _was_asked_for(task):
        return None
    owner = get_user_model().objects.filter(pk=task.owner_id).first() if task.owner_id is not None else None
    if owner is None:
        raise PermissionRefused(_("The user who asked for this export is no longer there."))
    exporter.check_permission(owner)
    return owner


def _was_asked_for(task: CurrentTask) -> bool:
    """Tell whether a user ever stood behind a task: its row forgets one who is removed, its context does not."""
    return bool(task.owner_id is not None or task.context.owner_id or task.context.user_id)
