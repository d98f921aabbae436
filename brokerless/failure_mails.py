"""Mails about tasks that failed or were lost: at most one round of them per task, and never where a user waits.

Whoever wants to send one takes it on first, by a conditional UPDATE of `notified_at`. After that nobody else does:
a process that is killed in mid-send, or a server that refuses, costs the mail. Only if the server could not be
reached at all is the task given back, to be tried again a little later.
"""

from __future__ import annotations

import errno
import logging
import socket
import threading
import time
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django import template
from django.conf import settings as django_settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email
from django.db import connections
from django.db.models import Q
from django.db.models.functions import Now
from django.template import Engine
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse

from brokerless.conf import settings
from brokerless.context import Context, as_context, restored
from brokerless.ending_words import told
from brokerless.exceptions import BrokerlessError
from brokerless.hosts import known_names
from brokerless.log_text import plain
from brokerless.models import TaskState
from brokerless.processes import host_name
from brokerless.runtime_dir import TaskFiles

if TYPE_CHECKING:
    from brokerless.models import TaskStateQuerySet

logger = logging.getLogger("brokerless")

OWNER = "owner"
MANAGERS = "managers"
RECIPIENTS = (OWNER, MANAGERS)
# What failed longer ago is no news: a site that begins to send mails does not begin with those of years.
NEWS = timedelta(days=1)
# The log lies on the task's own host, which is to have the time to send the mail with it.
OWN_TIME = timedelta(seconds=60)
SENDING_TIME = 10.0  # seconds of a round, after which no further mail is begun
# How long a process that does nothing else any more waits for the mail that it is sending,
LONGEST_WAIT = 30.0  # seconds
# and one that somebody waits for.
SHORT_WAIT = 3.0  # seconds
UNREACHABLE_PAUSE = 60.0  # seconds
NOT_REACHED = frozenset(
    {errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN}
)
LOG_BYTES = 8000
LOG_LINES = 30
LINE_LIMIT = 500  # characters
SUBJECT_LIMIT = 150  # characters
OWN_TEMPLATES = Path(__file__).with_name("templates")
OWN_LIBRARIES = {"i18n": "django.templatetags.i18n", "tz": "django.templatetags.tz"}
# RFC 3834: no answer of an absent owner's mailbox is wanted.
HEADERS = {"Auto-Submitted": "auto-generated"}


class Post:
    """Sends the mails of a process, in a thread of its own: a server that hangs must not hold anything up."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._sent = 0
        self._not_before = 0.0  # of the monotonic clock
        self._is_closing = False

    def send(self, *, within: float) -> int:
        """Send what is to be sent and return how many mails were sent within so many seconds.

        With 0 it is only begun. While an earlier mail hangs nothing more is; an error is logged.
        """
        if not settings.NOTIFY_FAILURES:
            return 0
        if self._thread is None or not self._thread.is_alive():
            if time.monotonic() < self._not_before or not untold().exists():
                return 0
            self._sent = 0
            self._thread = threading.Thread(target=self._send_all, name="failure-mails", daemon=True)
            self._thread.start()
        self._thread.join(within)
        if within and self._thread.is_alive():
            logger.error("A mail about a task that failed is not sent after %g s.", within)
        return self._sent

    def close(self, *, within: float) -> None:
        """Begin no further mail, and wait so many seconds for one that is under way: it would be lost."""
        self._is_closing = True
        if self._thread is not None:
            self._thread.join(within)

    def _send_all(self) -> None:
        deadline = time.monotonic() + SENDING_TIME
        try:
            while time.monotonic() < deadline and not self._is_closing:
                task = _take_on_next()
                if task is None:
                    return
                if not self._deliver(task):
                    self._not_before = time.monotonic() + UNREACHABLE_PAUSE
                    return
        except Exception:
            logger.exception("The mails about tasks that failed were not sent.")
        finally:
            connections.close_all()

    def _deliver(self, task: TaskState) -> bool:
        """Send a task's mails; False if the server cannot be reached, and the task was given back."""
        sent = 0
        for mail in _written(task):
            try:
                mail.send()
                sent += 1
                self._sent += 1
            except Exception as error:  # every backend, and every wrong setting, raises an error of its own
                logger.error("task=%s the mail about its failure was not sent: %s", task.pk, _reason(error, mail))
                if _is_unreachable(error):
                    if not sent:
                        TaskState.objects.filter(pk=task.pk).update(notified_at=None)
                    return False
        return True


post = Post()


def send_failure_mails(*, within: float = LONGEST_WAIT) -> int:
    """Send the mails about tasks that failed or were lost, as `NOTIFY_FAILURES` says; return how many were sent.

    For a process that nobody waits for; see `Post.send`.
    """
    try:
        return post.send(within=within)
    except Exception:
        logger.exception("The mails about tasks that failed were not sent.")
        return 0


def end_failure_mails() -> None:
    """Let a mail that is under way be sent, for a moment, and begin no other: this process is to end."""
    post.close(within=SHORT_WAIT)


def untold() -> TaskStateQuerySet:
    """Select what failed or was lost within a day and that nobody has taken on to mail."""
    return TaskState.objects.order_by().filter(
        Q(host=host_name()) | Q(finished_at__lt=Now() - OWN_TIME),
        host__in=known_names(),
        status__in=[TaskState.Status.FAILED, TaskState.Status.LOST],
        finished_at__gt=Now() - NEWS,
        notified_at=None,
    )


def _take_on_next() -> TaskState | None:
    """Take on the task that failed first, so that no other process mails it; None if there is none."""
    while (key := untold().order_by("finished_at").values_list("pk", flat=True).first()) is not None:
        if untold().filter(pk=key).update(notified_at=Now()) and (
            task := TaskState.objects.filter(pk=key).first()
        ):
            return task
    return None


def _written(task: TaskState) -> list[EmailMessage]:
    """Return the mails about a task: one to its owner and one to the managers, as each is wanted.

    What no owner can be told goes to the managers.
    """
    owner = _owner_address(task)
    managers = [each for each in _manager_addresses() if each != owner or OWNER not in settings.NOTIFY_FAILURES]
    neutral = _neutral_context(task)
    mails = []
    # One that cannot be written costs no other.
    if OWNER in settings.NOTIFY_FAILURES and owner:
        mails += _written_once(task, [_own_context(task), neutral], to=[owner])
    if managers and (MANAGERS in settings.NOTIFY_FAILURES or not owner):
        mails += _written_once(task, [neutral], to=managers, sender=django_settings.SERVER_EMAIL)
    if not (owner or managers):
        logger.warning("task=%s failed, and no address is known to which to mail that.", task.pk)
    return mails


def _written_once(task: TaskState, contexts: list[Context], **envelope: Any) -> list[EmailMessage]:
    """Return one mail, in the first of these contexts in which it can be written; none if in none of them."""
    for context in contexts:
        try:
            return [_mail(task, context, **envelope)]
        except Exception:  # a time zone that this machine does not have, a row that another release wrote
            logger.exception("task=%s the mail about its failure could not be written so.", task.pk)
    return []


def _own_context(task: TaskState) -> Context:
    """Return the context of the task's request; without the site's own, whose code has no place in a monitor."""
    try:
        return replace(as_context(task.context), site={})
    except Exception:
        logger.exception("task=%s its context cannot be read.", task.pk)
        return _neutral_context(task)


def _neutral_context(task: TaskState) -> Context:
    """Return the site's own language and time zone, with the site's address as the request knew it."""
    stored = task.context if isinstance(task.context, dict) else {}
    address = {name: stored[name] for name in ("base_url", "script_prefix") if isinstance(stored.get(name), str)}
    return Context(language=django_settings.LANGUAGE_CODE, time_zone=django_settings.TIME_ZONE, **address)


def _mail(task: TaskState, context: Context, *, to: list[str], sender: str | None = None) -> EmailMessage:
    with restored(context):
        values = {
            "task": task,
            "host": task.host.partition("/")[0],
            "error": plain(told(task.error_type, task.error_title) or task.error_type),
            "url": _url(task, context),
            "lines": _last_lines(task),
        }
        # Titles are users' words: one line of printable characters, whatever they hold.
        values["title"] = "".join(filter(str.isprintable, " ".join(plain(str(task)).split())))
        subject = " ".join(_rendered("brokerless/mail/failure_subject.txt", values).split())
        if sender is not None:
            subject = f"{django_settings.EMAIL_SUBJECT_PREFIX}{subject}"
        body = _rendered("brokerless/mail/failure_body.txt", values)
    return EmailMessage(subject[:SUBJECT_LIMIT], body, sender, to, headers=HEADERS)


def _rendered(name: str, values: dict[str, Any]) -> str:
    """Return what a template says; where the site has put a broken one in its place, what our own says."""
    try:
        return render_to_string(name, values)
    except Exception:
        logger.exception("The template %s cannot be rendered; ours is used.", name)
    own = Engine(dirs=[OWN_TEMPLATES], libraries=OWN_LIBRARIES)
    return own.get_template(name).render(template.Context(values))


def _url(task: TaskState, context: Context) -> str:
    """Return the address of the task's page; an empty text where nobody knows it."""
    with suppress(BrokerlessError, NoReverseMatch, ValueError):  # the last for what is no address
        return context.build_absolute_uri(reverse("brokerless:task", args=[task.pk]))
    return ""


def _last_lines(task: TaskState) -> list[str]:
    """Return the end of the task's log; that of the error's details where the log is on another host."""
    text = TaskFiles(task.pk, task.lease).log_tail(LOG_BYTES) or task.error_detail
    return [line[:LINE_LIMIT] for line in plain(text).splitlines()[-LOG_LINES:]]


def _owner_address(task: TaskState) -> str:
    """Return the owner's e-mail address; an empty text for none, and for somebody who has left."""
    owner = task.owner
    if owner is None or not owner.is_active:
        return ""
    address = getattr(owner, owner.get_email_field_name(), "") or ""
    with suppress(ValidationError):
        validate_email(address)
        return address
    return ""


def _manager_addresses() -> list[str]:
    """Return the addresses of MANAGERS, which until Django 6 are pairs of name and address."""
    return [each if isinstance(each, str) else each[1] for each in django_settings.MANAGERS]


def _is_unreachable(error: Exception) -> bool:
    """Tell whether the server cannot have got a word of the mail."""
    return isinstance(error, socket.gaierror) or (isinstance(error, OSError) and error.errno in NOT_REACHED)


def _reason(error: Exception, mail: EmailMessage) -> str:
    """Say why a mail was not sent, without addresses: what a monitor logs may be read by its own task's owner."""
    text = f"{type(error).__name__}: {error}"
    for address in mail.to:
        text = text.replace(address, "…")
    return text
