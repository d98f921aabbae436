"""System checks of the exports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings as django_settings
from django.core import checks
from django.core.exceptions import FieldDoesNotExist, FieldError

from brokerless.checks import TAG, needs_right_settings, settings_messages, url_messages
from brokerless.conf import settings as runner_settings
from brokerless.exports.conf import settings
from brokerless.exports.exceptions import OutputError
from brokerless.exports.planning import plan
from brokerless.exports.registry import all_exporters
from brokerless.queues import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brokerless.exports.exporter import Exporter


@checks.register(TAG)
def check_settings(**_: Any) -> list[checks.CheckMessage]:
    """E001: an entry of EXPORTS is unknown or has a wrong value."""
    return settings_messages(settings, "brokerless_exports.E001")


@checks.register(TAG)
def check_storage(**_: Any) -> list[checks.CheckMessage]:
    """E002: the storage of the export files does not exist."""
    if settings.problems() or settings.STORAGE in django_settings.STORAGES:
        return []
    message = f"STORAGES has no entry {settings.STORAGE!r}, where the export files are to be stored."
    hint = "Add one whose location is outside MEDIA_ROOT, or name another in EXPORTS['STORAGE']."
    return [checks.Error(message, hint=hint, id="brokerless_exports.E002")]


@checks.register(TAG)
@needs_right_settings
def check_queue(**_: Any) -> list[checks.CheckMessage]:
    """E004: the queue of the exports does not exist."""
    if settings.problems() or settings.QUEUE in {DEFAULT, *runner_settings.QUEUES}:
        return []
    message = f"EXPORTS['QUEUE'] is {settings.QUEUE!r}, but BROKERLESS['QUEUES'] has no such entry."
    hint = "Add it there, perhaps with a limit, or name another in EXPORTS['QUEUE']."
    return [checks.Error(message, hint=hint, id="brokerless_exports.E004")]


@checks.register(TAG)
def check_urls(**_: Any) -> list[checks.CheckMessage]:
    """W001: the forms and files of exports are not part of the site."""
    view, remedy = "brokerless_exports:export", 'path("exports/", include("brokerless.exports.urls"))'
    return url_messages(view, remedy, "brokerless_exports.W001", arguments=["books"])


@checks.register(TAG)
def check_columns(**_: Any) -> list[checks.CheckMessage]:
    """E003: a column of an exporter leads nowhere, or asks for what its values lack. E011: the rows are sliced."""
    return [message for exporter in all_exporters() for message in _row_messages(exporter)]


def _row_messages(exporter: Exporter) -> Iterator[checks.CheckMessage]:
    try:
        rows = exporter.get_queryset(None)
    except Exception as error:  # of somebody's code
        text = f"The exporter {exporter.name!r} has no rows for a run by hand; get_queryset(None) raises {error!r}"
        hint = "The user is None for a run by hand or by cron; return what that may export, such as none()."
        yield checks.Error(text, hint=hint, id="brokerless_exports.E003")
        return
    if rows.query.is_sliced:
        text = f"The exporter {exporter.name!r} has a slice of a queryset, which no filter can narrow down."
        hint = "Select the same rows by their keys: filter(pk__in=….values('pk')[:100])."
        yield checks.Error(text, hint=hint, id="brokerless_exports.E011")
    for column in exporter.get_columns():
        try:
            plan(rows, [column])
        except (FieldDoesNotExist, FieldError, AttributeError, ValueError, OutputError) as error:
            text = f"The exporter {exporter.name!r} has a column {column.name!r}, but: {error}"
            hint = "Name a field, or follow relations to one with two underscores (author__name)."
            yield checks.Error(text, hint=hint, id="brokerless_exports.E003")
