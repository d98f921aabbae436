"""A task's status and duration in the admin, which follow the task where the site has its pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html

from brokerless.dashboard.rows import duration_text
from brokerless.representation import status_text

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from brokerless.models import TaskState

ELEMENT = (
    '<task-status class="bl-status bl-status-{}" data-task="{}" data-status="{}" data-url="{}">{}</task-status>'
)


def live_status(task: TaskState) -> SafeString | str:
    """Return the status as the element that keeps it true; without the site's pages as plain text."""
    text = status_text(task)
    try:
        address = reverse("brokerless:status")
    except NoReverseMatch:
        return text
    return format_html(ELEMENT, task.status.lower(), task.pk, task.status, f"{address}?counts=0", text)


def live_duration(task: TaskState) -> SafeString:
    """Return how long it took, in an element that is filled in when it has ended."""
    return format_html('<span data-duration="{}">{}</span>', task.pk, duration_text(task))
