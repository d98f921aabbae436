"""A task as JSON, for polls and programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.handlers.asgi import ASGIRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from brokerless.ending_words import told
from brokerless.functions.wording import call_words, function_path
from brokerless.models import TaskState
from brokerless.permissions import may_cancel, may_fetch, may_retry
from brokerless.progress import eta_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime, timedelta

    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
    from django.http import HttpRequest

# How long a page waits until it asks again: (age of the task in seconds, pause in milliseconds).
POLL_PAUSES = ((5, 500), (30, 1000))
LONGEST_POLL_PAUSE = 1500
# Raised to end a command with a sentence for people.
SELF_EXPLAINING = frozenset({"CommandError", "SystemExit"})
GIVEN_LIMIT = 120  # characters
# The names of the options that the titles of a command's tasks tell; whatever makes such titles adds its own.
TOLD_BY_TITLE: dict[str, Callable[[], Collection[str]]] = {}


def represent(
    task: TaskState, user: AbstractBaseUser | AnonymousUser, *, can_stream: bool = False
) -> dict[str, Any]:
    """Return the task as the JSON that `docs/http.md` describes, for a user who may see it.

    can_stream: whether the server that answers can send its changes as they happen; see `can_stream()`.
    """
    return {
        "id": str(task.pk),
        "command": task.command,
        "title": str(task),
        "status": task.status,
        "status_label": task.get_status_display(),
        "cancelling": task.is_cancelling,
        "progress": progress(task),
        "created_at": _moment(task.created_at),
        "started_at": _moment(task.started_at),
        "finished_at": _moment(task.finished_at),
        "attempt": task.attempt,
        "exit_code": task.exit_code,
        "error": error(task),
        "result": task.result,
        "next_poll_ms": next_poll(task),
        "links": links(task, user, can_stream=can_stream),
        "queue": task.queue,
        "run_after": _moment(task.run_after),
        "max_attempts": task.max_attempts,
        "earlier_errors": task.errors,
        "exit_signal": task.exit_signal,
        "cpu_seconds": task.cpu_seconds,
        "peak_memory": task.peak_memory,
        "notices": task.notices or [],
    }


def can_stream(request: HttpRequest) -> bool:
    """Tell whether the server can send events: under ASGI alone Django hands out what comes while it comes."""
    return isinstance(request, ASGIRequest)


def progress(task: TaskState) -> dict[str, Any] | None:
    """Return how far the task is; None before it has said anything."""
    current, total = task.progress_current, task.progress_total
    if current is None:
        return None
    # One that is being stopped will not do the rest.
    is_going_on = task.status == TaskState.Status.RUNNING and not task.is_cancelling
    return {
        "current": current,
        "total": total,
        "percent": min(100, 100 * current // total) if total else None,
        "unit": task.progress_unit,
        "message": task.progress_message,
        "rate": None if task.is_cancelling else task.progress_rate,
        "eta_seconds": eta_seconds(current, total, task.progress_rate) if is_going_on else None,
    }


def status_text(task: TaskState) -> str:
    """Return a task's status in a word or two, with how far it is: "Running 45 %"."""
    if task.is_cancelling:
        return _("Cancelling")
    so_far = progress(task) if task.status == TaskState.Status.RUNNING else None
    if so_far is None or so_far["percent"] is None:
        return task.get_status_display()
    return _("%(status)s %(percent)s %%") % {"status": task.get_status_display(), "percent": so_far["percent"]}


def error(task: TaskState) -> dict[str, str] | None:
    """Return why the task did not succeed; None if it did, or is not finished."""
    if not task.error_type:
        return None
    return {"type": task.error_type, "title": task.error_title, "detail": task.error_detail}


def error_line(task: TaskState) -> str:
    """Return why the task did not succeed as one line for people, in the language of whoever reads it.

    What a command raises in its own words speaks for itself; of any other exception the class says half of it.
    """
    kind, title = task.error_type, task.error_title
    is_exception = kind.isidentifier() and kind[:1].isupper()  # "killed-by-signal" and "lost" are none
    words = told(kind, title)
    if is_exception and kind not in SELF_EXPLAINING and not title.startswith(kind):
        return f"{kind}: {words}" if words else kind
    return words


def time_taken(task: TaskState) -> timedelta | None:
    """Return how long the command ran; None for one that never did, or has not ended."""
    if task.started_at is None or task.finished_at is None:
        return None
    return task.finished_at - task.started_at


def waits_until(task: TaskState) -> datetime | None:
    """Return before when a waiting task will not start; None if it may at any moment."""
    is_early = task.status == TaskState.Status.READY and task.run_after and task.run_after > timezone.now()
    return task.run_after if is_early else None


def given(task: TaskState) -> str:
    """Return what tells the task from others of its command, in one short line: its arguments and options.

    For a function the whole call. Without the options that its title tells, as an export's tells its filters.
    """
    # Of a title without parts somebody else thought.
    told_already = TOLD_BY_TITLE[task.command]() if ", " in task.title and task.command in TOLD_BY_TITLE else ()
    given_options = task.options.items() if isinstance(task.options, dict) else ()
    options = [(name, value) for name, value in given_options if name not in told_already]
    parts = [*map(_spoken, task.arguments), *(f"{name}: {_spoken(value)}" for name, value in options)]
    line = " ".join((call_words(task) if function_path(task) else ", ".join(parts)).split())
    return line if len(line) <= GIVEN_LIMIT else f"{line[: GIVEN_LIMIT - 1]}…"


def list_title(user: AbstractBaseUser | AnonymousUser) -> str:
    """Return what the list of tasks is called for this user: staff see more than their own."""
    return _("Tasks") if user.is_staff else _("My tasks")


def next_poll(task: TaskState) -> int | None:
    """Return after how many milliseconds to ask again; None for a finished task."""
    if task.is_finished:
        return None
    age = (timezone.now() - task.created_at).total_seconds()
    return next((pause for limit, pause in POLL_PAUSES if age < limit), LONGEST_POLL_PAUSE)


def links(task: TaskState, user: AbstractBaseUser | AnonymousUser, *, can_stream: bool = False) -> dict[str, str]:
    """Return the addresses that this user, who may see the task, may use now; none where the site has no pages.

    can_stream: as of `represent`.
    """
    may_use = {
        "self": True,
        "log": True,
        "events": can_stream,
        "cancel": not (task.is_finished or task.is_cancelling) and may_cancel(task, user),
        "retry": task.is_finished and may_retry(task, user),
    }
    views = [name for name, is_so in may_use.items() if is_so]
    try:
        found = {name: reverse(f"brokerless:{LINKED_VIEWS.get(name, name)}", args=[task.pk]) for name in views}
    except NoReverseMatch:
        return {}
    if (path := download_path(task, user)) and not _is_over(task):
        found["download"] = path
    return found


def download(task: TaskState, user: AbstractBaseUser | AnonymousUser) -> dict[str, Any] | None:
    """Return what there is to fetch, for the page: what a command left out, or wrote as it liked, is None.

    details: the path of a page about it. is_expired: its time is over, and it is named all the same.
    """
    path = download_path(task, user)
    if not path:
        return None
    kinds = {"name": str, "rows": int, "bytes": int, "sha256": str, "mailed_to": list}
    found = {key: task.result.get(key) for key in kinds}
    return {
        "path": path,
        **{key: value if isinstance(value, kinds[key]) else None for key, value in found.items()},
        "details": _own_path(task.result.get("details")),
        "expires_at": _expiry(task),
        "is_expired": _is_over(task),
    }


def download_path(task: TaskState, user: AbstractBaseUser | AnonymousUser) -> str:
    """Return the path of what the command made for this user; empty for none, and for no path of this site.

    Whoever serves that address knows best who may have it, and has to check that again.
    """
    path = _own_path(task.result.get("download")) if isinstance(task.result, dict) else ""
    return path if path and may_fetch(task, user) else ""


def _own_path(path: Any) -> str:
    """Return a path of this site; empty for what is none, as a command may pass on what users wrote."""
    if not isinstance(path, str) or not path.startswith("/"):
        return ""
    # Neither //elsewhere.example nor what a browser makes the same of.
    return path if url_has_allowed_host_and_scheme(path, allowed_hosts=None) else ""


def _expiry(task: TaskState) -> datetime | None:
    """Return until when what the command made can be fetched, if it said so."""
    text = task.result.get("expires_at")
    try:
        found = parse_datetime(text) if isinstance(text, str) else None
    except ValueError:  # no day of the calendar
        return None
    # One without an offset can be compared on a site that has no time zones, and only there.
    return found if found and timezone.is_aware(found) == timezone.is_aware(timezone.now()) else None


def _is_over(task: TaskState) -> bool:
    expiry = _expiry(task)
    return expiry is not None and expiry <= timezone.now()


def _spoken(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_spoken, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


LINKED_VIEWS = {"self": "task"}  # the others are called as their links are


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
