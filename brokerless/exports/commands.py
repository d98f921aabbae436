"""The management command of an exporter, in two lines: a subclass and the exporter's name."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import filesizeformat
from django.urls import NoReverseMatch

from brokerless import FinalError, current_task
from brokerless.current import is_in_background
from brokerless.exit_codes import EXIT_INTERRUPTED
from brokerless.exports import mail
from brokerless.exports.exceptions import ExportError, InvalidFilters, OutputError, PermissionRefused
from brokerless.exports.formats.layout import GZIP_SUFFIX
from brokerless.exports.options import STANDARD_OUTPUT, add_options
from brokerless.exports.registry import get_exporter
from brokerless.exports.storing import Request, local_path, store
from brokerless.exports.writing import Export, Written, new_file, write, write_to_standard_output

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    from brokerless.exports.exporter import Exporter
    from brokerless.exports.models import ExportFile


class ExportCommand(BaseCommand):
    """Stream an exporter's rows to a gzipped CSV file and deliver it.

    Set `exporter` to the name it is registered under.
    """

    exporter: ClassVar[str]
    help = "Export rows to a gzipped CSV file: stored and recorded, mailed, or written where you say."

    def run_from_argv(self, argv: list[str]) -> None:
        """Let SIGTERM end a run by hand as Ctrl-C does, so that no temporary file stays."""
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        super().run_from_argv(argv)

    def add_arguments(self, parser: CommandParser) -> None:
        add_options(parser, get_exporter(self.exporter))

    def handle(self, *, output: str | None, email: list[str] | None, verbosity: int, **options: Any) -> None:
        exporter = get_exporter(self.exporter)
        self.verbosity = verbosity
        try:
            filters = exporter.clean({name: options[name] for name in exporter.get_filters()})
            request = Request(exporter, filters, owner_id=_checked_owner_id(exporter))
            export = Export(
                exporter.filtered(filters),
                exporter.get_columns(),
                unit=exporter.title.lower(),
                quiet=verbosity == 0,
            )
            if output is None:
                self._store(request, export, email or [])
            else:
                self._write(export, output)
        except (InvalidFilters, PermissionRefused) as error:
            raise FinalError(str(error)) from error
        except ExportError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt as interrupt:
            if is_in_background():
                raise  # the task was cancelled, and its row is to say so
            # Its frames hold the rows' cursor, which has to be closed before the connection is.
            interrupt.__traceback__ = None
            raise CommandError("Interrupted.", returncode=EXIT_INTERRUPTED) from None

    def _write(self, export: Export, output: str) -> None:
        if output == STANDARD_OUTPUT:
            if is_in_background():
                raise OutputError("A task cannot write a file to standard output: its standard output is its log.")
            # The summary goes elsewhere: there is nothing but the file on standard output.
            self._say(self.stderr, write_to_standard_output(export), "standard output")
            return
        path = Path(output).resolve()  # where a link leads to: not the link is to be replaced
        with new_file(path) as file:
            written = write(export, file, compressed=output.endswith(GZIP_SUFFIX))
        self._say(self.stdout, written, str(path))

    def _store(self, request: Request, export: Export, email: list[str]) -> None:
        record = store(request, export)
        task = current_task()
        result = describe(record)
        if task is not None:
            task.result = result
        self._say(self.stdout, record, str(local_path(record) or record.storage_name))
        if not email:
            return
        mail.send(record, recipients=email, title=request.exporter.describe(request.filters))
        result["mailed_to"] = email
        if self.verbosity > 0:
            self.stdout.write(f"Mailed to {', '.join(email)}.")

    def _say(self, stream: Any, written: Written | ExportFile, where: str) -> None:
        if self.verbosity > 0:
            size = filesizeformat(written.bytes).replace("\N{NO-BREAK SPACE}", " ")
            stream.write(f"{written.rows:,} rows, {size}: {where}")


def describe(record: ExportFile) -> dict[str, Any]:
    """Return a file's record as the result of the task that made it."""
    result = {
        "file": str(record.pk),
        "name": record.name,
        "rows": record.rows,
        "bytes": record.bytes,
        "sha256": record.sha256,
    }
    try:
        return result | {"download": record.get_absolute_url()}
    except NoReverseMatch:  # the site does not include the URLs of the exports
        return result


def _checked_owner_id(exporter: Exporter) -> Any:
    """Return the task's owner; the permission may have been taken away while the task waited."""
    task = current_task()
    if task is None or task.owner_id is None:
        return None
    owner = get_user_model().objects.filter(pk=task.owner_id).first()
    if owner is None:
        raise PermissionRefused("The user who asked for this export is no longer there.")
    exporter.check_permission(owner)
    return owner.pk
