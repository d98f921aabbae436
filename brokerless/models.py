"""The row of a task, its statuses, and the row of a host."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models, router
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from brokerless import queues
from brokerless.querysets import HostQuerySet, TaskStateQuerySet

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser


class TaskStateManager(models.Manager.from_queryset(TaskStateQuerySet)):
    """Read where it is written: a replica that lags would show a past that is no longer true."""

    def get_queryset(self) -> TaskStateQuerySet:
        return TaskStateQuerySet(self.model, using=self._db or router.db_for_write(self.model))


class TaskState(models.Model):
    """One run of a management command.

    Its status changes only in `brokerless.transitions`, by conditional updates under its lease.
    """

    class Status(models.TextChoices):
        READY = "READY", _("Waiting")  # recorded; nothing has been started for it
        STARTING = "STARTING", _("Starting")  # claimed; its process is on the way
        RUNNING = "RUNNING", _("Running")  # a monitor owns it and its command runs
        SUCCESSFUL = "SUCCESSFUL", _("Successful")  # the command returned normally
        FAILED = "FAILED", _("Failed")  # the command ended in another way; the row says which
        CANCELLED = "CANCELLED", _("Cancelled")  # somebody asked for it to stop, and it stopped
        LOST = "LOST", _("Lost")  # the monitor is gone and nobody knows how the command ended

    ACTIVE = frozenset({Status.STARTING, Status.RUNNING})
    UNFINISHED = ACTIVE | {Status.READY}
    FINISHED = frozenset({Status.SUCCESSFUL, Status.FAILED, Status.CANCELLED, Status.LOST})

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    command = models.CharField(_("command"), max_length=200)
    title = models.CharField(_("title"), max_length=200, blank=True)
    arguments = models.JSONField(_("arguments"), default=list, blank=True)
    options = models.JSONField(_("options"), default=dict, blank=True)
    context = models.JSONField(_("context"), default=dict, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("owner"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="brokerless_tasks",
        db_index=False,  # several of the indexes below begin with it
    )

    # The finished task that this one does again.
    retry_of = models.ForeignKey(
        "self",
        verbose_name=_("retry of"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="retries",
    )
    # Started by hand or by cron, and not by a dispatch: no queue and no limit of a host counts it.
    by_hand = models.BooleanField(_("by hand"), default=False, db_default=False)

    queue = models.CharField(_("queue"), max_length=100, default=queues.DEFAULT)
    priority = models.SmallIntegerField(_("priority"), default=0)
    # Not before then: the launch's wish, or the pause before another attempt.
    run_after = models.DateTimeField(_("run after"), null=True, blank=True)
    # A digest; held while the task is unfinished, and emptied by the UPDATE that finishes it. Nullable and plainly
    # unique, as a constraint with a condition is silently not made on MySQL and MariaDB.
    unique_key = models.CharField(_("unique key"), max_length=64, null=True, unique=True, editable=False)  # noqa: DJ001
    timeout = models.FloatField(_("time limit, in seconds"), null=True, blank=True)
    memory_limit = models.PositiveBigIntegerField(_("memory limit, in bytes"), null=True, blank=True)
    nice = models.PositiveSmallIntegerField(_("niceness"), default=0)
    max_attempts = models.PositiveSmallIntegerField(_("most attempts"), default=1)

    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.READY)
    # Grows by one with every claim; whoever holds the current number owns the row.
    lease = models.PositiveIntegerField(_("lease"), default=0)
    # Attempts begun: grows by one with every adoption.
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=0)
    # Claims since the last attempt for which no process was ever noted.
    claims_in_vain = models.PositiveSmallIntegerField(_("claims in vain"), default=0)
    # Grows with every change that a reader could see.
    version = models.PositiveBigIntegerField(_("version"), default=0)
    host = models.CharField(_("host"), max_length=255, blank=True)
    monitor_pid = models.PositiveIntegerField(_("monitor's pid"), null=True, blank=True)
    monitor_start = models.PositiveBigIntegerField(_("monitor's start, in ticks"), null=True, blank=True)
    command_pid = models.PositiveIntegerField(_("command's pid"), null=True, blank=True)
    command_start = models.PositiveBigIntegerField(_("command's start, in ticks"), null=True, blank=True)

    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    claimed_at = models.DateTimeField(_("claimed at"), null=True, blank=True)
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    heartbeat_at = models.DateTimeField(_("heartbeat at"), null=True, blank=True)
    # When another host first saw this very heartbeat standing still for too long; a beat empties it.
    stale_since = models.DateTimeField(_("stale since"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    cancel_requested_at = models.DateTimeField(_("cancel requested at"), null=True, blank=True)
    cancel_requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("cancel requested by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )

    progress_current = models.BigIntegerField(_("done"), null=True, blank=True)
    progress_total = models.BigIntegerField(_("of"), null=True, blank=True)
    progress_unit = models.CharField(_("unit"), max_length=50, blank=True)
    progress_message = models.CharField(_("stage"), max_length=200, blank=True)
    progress_rate = models.FloatField(_("rate per second"), null=True, blank=True)

    result = models.JSONField(_("result"), null=True, blank=True)
    error_type = models.CharField(_("kind of error"), max_length=200, blank=True)
    # The dotted path of what was raised; empty for an end of another kind.
    error_class = models.CharField(_("class of the error"), max_length=500, blank=True, default="", db_default="")
    error_title = models.CharField(_("error"), max_length=500, blank=True)
    error_detail = models.TextField(_("details of the error"), blank=True)
    exit_code = models.SmallIntegerField(_("exit code"), null=True, blank=True)
    exit_signal = models.PositiveSmallIntegerField(_("signal"), null=True, blank=True)
    # How earlier attempts ended, oldest first; see `brokerless.attempts`.
    errors = models.JSONField(_("errors of earlier attempts"), default=list, blank=True)
    # When somebody took it on to mail that the task failed; nobody else does from then on.
    notified_at = models.DateTimeField(_("notified at"), null=True, blank=True)
    # Of the command and everything that it started; the last attempt's.
    cpu_seconds = models.FloatField(_("CPU time, in seconds"), null=True, blank=True)
    peak_memory = models.PositiveBigIntegerField(_("peak memory, in bytes"), null=True, blank=True)

    # What the command told its user, oldest first; see `brokerless.notices`.
    # Empty in a row that an earlier release made.
    notices = models.JSONField(_("notices"), default=list, null=True, blank=True)
    # How many it has told in all, and up to which one a page has shown them as they came.
    # Nullable for the sake of SQLite, which would copy the whole table to add them otherwise; never null.
    notices_count = models.PositiveIntegerField(_("number of notices"), default=0, db_default=0, null=True)
    notices_shown = models.PositiveIntegerField(_("notices shown"), default=0, db_default=0, null=True)
    # When a page told the owner that the task has ended.
    end_shown_at = models.DateTimeField(_("end shown at"), null=True, blank=True)

    # Whether the launch that returned this instance joined an unfinished task of its `unique_key`.
    is_joined = False

    objects = TaskStateManager()

    class Meta:
        # For refresh_from_db() too, which would read from a replica otherwise.
        base_manager_name = "objects"
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        ordering = ["-created_at", "pk"]
        # Beside Django's own to view and to delete; what an owner may do with the own tasks needs none.
        permissions = [
            ("cancel_taskstate", _("Can cancel task")),
            ("retry_taskstate", _("Can retry task")),
            ("launch_taskstate", _("Can launch a command in the admin")),
        ]
        indexes = [
            # With the queue in it, which has no index of its own, the list finds a rare one without reading rows.
            models.Index(fields=["-created_at", "queue"], name="brokerless_created_queue"),
            models.Index(fields=["status", "created_at"], name="brokerless_status_created"),
            models.Index(fields=["status", "-priority", "created_at"], name="brokerless_status_priority"),
            models.Index(fields=["owner", "-created_at", "queue"], name="brokerless_owner_created_queue"),
            models.Index(fields=["status", "run_after"], name="brokerless_status_run_after"),
            models.Index(fields=["owner", "status", "-created_at"], name="brokerless_owner_status_newest"),
            models.Index(fields=["host", "status", "finished_at"], name="brokerless_host_finished"),
            models.Index(fields=["owner", "finished_at"], name="brokerless_owner_finished"),
            # By these the list knows which commands there are; see `brokerless.dashboard.choices`.
            models.Index(fields=["command", "-created_at"], name="brokerless_command_created"),
            models.Index(fields=["owner", "command", "-created_at"], name="brokerless_owner_command"),
        ]

    def __str__(self) -> str:
        return self.title or self.command

    @property
    def is_active(self) -> bool:
        return self.status in self.ACTIVE

    @property
    def is_finished(self) -> bool:
        return self.status in self.FINISHED

    @property
    def is_cancelling(self) -> bool:
        return self.cancel_requested_at is not None and not self.is_finished

    @property
    def reference(self) -> str:
        """`id:lease`, by which the processes that were started for this claim are known."""
        return f"{self.pk}:{self.lease}"

    @property
    def worker(self) -> str:
        """Who runs the current attempt, or ran the last one: host and pid of its monitor."""
        return f"{self.host.split('/')[0]}/{self.monitor_pid}"

    def cancel(self, *, by: AbstractBaseUser | None = None) -> bool:
        """Ask for the task to stop and return whether it could still be asked; see `brokerless.cancel`."""
        from brokerless.cancel import cancel

        return cancel(self, by=by)

    async def acancel(self, *, by: AbstractBaseUser | None = None) -> bool:
        """Do as `cancel()` does, from a coroutine."""
        from asgiref.sync import sync_to_async

        return await sync_to_async(self.cancel)(by=by)

    def retry(self, *, by: AbstractBaseUser | None = None) -> TaskState:
        """Record a new task that does again what this finished one did; see `brokerless.retrying`."""
        from brokerless.retrying import retry

        return retry(self, by=by)

    async def aretry(self, *, by: AbstractBaseUser | None = None) -> TaskState:
        """Do as `retry()` does, from a coroutine."""
        from asgiref.sync import sync_to_async

        return await sync_to_async(self.retry)(by=by)

    def wait(self, *, timeout: float | None = None) -> Self:
        """Block until the task is finished and return it; see `brokerless.wait`."""
        from brokerless.wait import wait

        return wait(self, timeout=timeout)


class HostManager(models.Manager.from_queryset(HostQuerySet)):
    """Read where it is written, as of tasks."""

    def get_queryset(self) -> HostQuerySet:
        return HostQuerySet(self.model, using=self._db or router.db_for_write(self.model))


class Host(models.Model):
    """A machine that runs tasks; updating its row is the lock under which it claims them.

    The one called "*" stands for all of them: its lock guards what is counted on all hosts together.
    """

    EVERYWHERE = "*"

    name = models.CharField(_("name"), max_length=255, unique=True)
    dispatched_at = models.DateTimeField(_("last dispatched at"), null=True, blank=True)
    # The last round of `tasks tick`, and the last purge that no one asked for.
    ticked_at = models.DateTimeField(_("last ticked at"), null=True, blank=True)
    purged_at = models.DateTimeField(_("last purged at"), null=True, blank=True)
    # Claims nothing since then.
    paused_at = models.DateTimeField(_("paused at"), null=True, blank=True)

    objects = HostManager()

    class Meta:
        verbose_name = _("host")
        verbose_name_plural = _("hosts")

    def __str__(self) -> str:
        return self.name
