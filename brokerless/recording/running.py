"""Running a recorded command: this process becomes the monitor, and its child the command."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

import django
from django.apps import apps
from django.core.management import CommandError
from django.db import Error, connections

from brokerless.recording import terminal

if TYPE_CHECKING:
    from django.core.management.base import BaseCommand

    from brokerless.models import TaskState
    from brokerless.recording.typed import Typed

LEASE = 1  # of the only attempt


def run_recorded(typed: Typed) -> None:
    """Record a command and run it, and end as it ends; return where it can only be run unrecorded.

    Why that is so is said, unless the command is to be quiet. What its parser refuses Django is to refuse.
    """
    terminal.open_standard_descriptors()
    terminal.install()
    django.setup()
    if not apps.is_installed("brokerless"):
        return
    # Only now there are models.
    from brokerless.arguments import load_command
    from brokerless.bootstrap import may_fork
    from brokerless.exceptions import BrokerlessError, UnknownCommand

    try:
        command = load_command(typed.name)
        quiet = command.create_parser(typed.argv[0], typed.name).parse_args(typed.words).verbosity == 0
    except (CommandError, UnknownCommand):
        return
    try:
        if not may_fork():
            raise BrokerlessError("other threads are running here, or this system cannot be relied on to fork.")
        task, log = _record(typed, quiet=quiet)
    except (BrokerlessError, Error) as error:
        if not quiet:
            print(f"This run is not recorded: {error}", file=sys.stderr)
        return
    connections.close_all()
    own_pid = os.getpid()
    try:
        code = _part(task, command, typed, log=log)
    except KeyboardInterrupt:  # before the monitor has heeded it
        if os.getpid() == own_pid:
            _note_interrupt(task)
        raise
    _end_as(code)


def _record(typed: Typed, *, quiet: bool) -> tuple[TaskState, int]:
    """Record the run as claimed by this very process: nobody is to dispatch it. Return its row, and its open log.

    Raises BrokerlessError, RuntimeDirError among them, or django.db.Error.
    """
    from django.utils import timezone

    from brokerless.call import in_words
    from brokerless.context import capture
    from brokerless.models import Host, TaskState
    from brokerless.processes import host_name, identify
    from brokerless.recording.overlap import admit_alone, key_of
    from brokerless.runtime_dir import TaskFiles
    from brokerless.words import read_words

    read = read_words(typed.name, typed.words)
    here = identify(os.getpid())
    task = TaskState(
        command=typed.name,
        title=in_words(typed.name)[:200],
        arguments=read.arguments,
        options=read.options,
        context=capture(None),
        by_hand=True,
        status=TaskState.Status.STARTING,
        lease=LEASE,
        host=host_name(),
        claimed_at=timezone.now(),
        monitor_pid=here.pid,
        monitor_start=here.start,
    )
    task.unique_key = key_of(task)
    files = TaskFiles(task.pk, LEASE)
    # Before the row: whoever cannot write a log here is to run unrecorded.
    log = files.open_log()
    try:
        Host.objects.get_or_create(name=host_name())  # as a claim would: by it others find how the run has ended
        admit_alone(task, if_running=typed.if_running, quiet=quiet)
    except BaseException:
        shutil.rmtree(files.directory, ignore_errors=True)
        raise
    return task, log


def _part(task: TaskState, command: BaseCommand, typed: Typed, *, log: int) -> int:
    """Become the monitor, and by fork the command process; return how that has ended, as `subprocess` has it."""
    from brokerless import monitor
    from brokerless.channel import Link
    from brokerless.recording.command import run_by_hand

    link = Link.create()
    terminal.flush()  # what the set-up printed is not to be printed by both
    gc.freeze()
    monitor_pid = os.getpid()
    command_pid = os.fork()
    if command_pid == 0:
        os.close(log)
        run_by_hand(command, typed, link, monitor_pid=monitor_pid)
    # The terminal is the command's; what the monitor has to say is for the log.
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.close(log)
    return monitor.run(task.pk, LEASE, name=task.command, command_pid=command_pid, link=link)


def _note_interrupt(task: TaskState) -> None:
    from brokerless.transitions import request_cancel

    with suppress(Error):  # the next look finds that this process is gone
        request_cancel(task.pk, by_id=None)


def _end_as(code: int) -> NoReturn:
    """End this process as its command has ended."""
    if code == -signal.SIGINT:
        # A shell that runs a loop goes on after an exit code, and stops when a program dies of Ctrl-C.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    from brokerless.exit_codes import SIGNALLED

    sys.exit(code if code >= 0 else SIGNALLED - code)
