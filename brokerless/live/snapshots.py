"""The frames of one task for one user: each its whole JSON, and none that shows nothing new."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone, translation

from brokerless.live.frames import event
from brokerless.representation import represent

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

    from brokerless.models import TaskState

# What a poll's JSON says of polls; it changes as the task grows older, and shows nothing.
UNSHOWN = "next_poll_ms"


class Snapshots:
    """Makes frames as the request would have been answered: for its user, in its language and time zone."""

    def __init__(self, task: TaskState, user: AbstractBaseUser, *, last_event_id: str = "") -> None:
        """Make the first frame, unless the client has it: its `Last-Event-ID` is a version."""
        self._user = user
        self._language = translation.get_language()
        self._time_zone = timezone.get_current_timezone()
        self._sent: dict[str, Any] | None = None
        self.first = self.frame(task)
        self.is_known = last_event_id == str(task.version)
        if self.is_known:
            self.first = b""

    def frame(self, task: TaskState) -> bytes:
        """Return the task's frame; nothing, if the one before shows the same.

        It may make a query, as a site's own permissions may.
        """
        self.is_finished = task.is_finished
        with translation.override(self._language), timezone.override(self._time_zone):
            body = represent(task, self._user, can_stream=True)
        shown = {name: value for name, value in body.items() if name != UNSHOWN}
        if shown == self._sent:
            return b""
        self._sent = shown
        return event("task", body, event_id=task.version)
