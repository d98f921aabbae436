"""The start of a task's process: set Django up, then part into monitor and command process."""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from uuid import UUID

import django

if TYPE_CHECKING:
    from brokerless.channel import Link

# What a server may have ignored or blocked, and what a command expects to have its usual effect.
USUAL_SIGNALS = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGCHLD,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
)
USUAL_UMASK = 0o022
# Names the inherited file descriptors to a command process that was started by exec.
LINK_VARIABLE = "BROKERLESS_LINK"


def run_task(reference: str, argv: list[str]) -> NoReturn:
    """Run the task `id:lease` whose command is `argv[1]`, as its monitor and its command process."""
    forget_what_was_inherited()
    task_id, _, lease = reference.partition(":")
    django.setup()
    forget_niceness()
    _part(UUID(task_id), int(lease), argv[1] if len(argv) > 1 else "")


def run_command_process(descriptors: str) -> NoReturn:
    """Be the command process that a monitor started by exec; it passed these descriptors and its pid on."""
    forget_what_was_inherited()
    django.setup()
    from brokerless import command_process
    from brokerless.channel import Link

    *inherited, monitor_pid = map(int, descriptors.split(","))
    channel, numbers = Link.inherited_command_end(inherited)
    command_process.run(channel, numbers, monitor_pid=monitor_pid)


def forget_what_was_inherited() -> None:
    """Undo what a server may have passed on: its signal mask, ignored signals and umask."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in USUAL_SIGNALS:
        usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        signal.signal(number, usual)
    os.umask(USUAL_UMASK)


def forget_niceness() -> None:
    """Undo a server's niceness; where there is a PREFIX it may be its work (`nice`), and is left alone."""
    from brokerless.conf import settings

    if not settings.PREFIX:
        with suppress(OSError):  # only root may become less nice
            os.setpriority(os.PRIO_PROCESS, 0, 0)


def _part(task_id: UUID, lease: int, name: str) -> NoReturn:
    """Become the monitor, and by fork, or by exec where a fork would not be sound, the command process."""
    from django.db import connections

    from brokerless import command_process, monitor
    from brokerless.channel import Link

    # A connection that the set-up opened must not be shared by two processes.
    connections.close_all()
    link = Link.create()
    if may_fork():
        sys.stdout.flush()  # what the set-up printed is not to be printed by both
        gc.freeze()  # what exists now is left alone by the collector, and so stays shared
        monitor_pid = os.getpid()
        command_pid = os.fork()
        if command_pid == 0:
            command_process.run(link.keep_command_end(), link.numbers(), monitor_pid=monitor_pid, load_early=name)
    else:
        command_pid = _start_command_process(link)
    sys.exit(monitor.run(task_id, lease, name=name, command_pid=command_pid, link=link))


def may_fork() -> bool:
    """Tell whether a fork is sound: not beside threads, of which only one would live on, and not on macOS."""
    if sys.platform != "linux":
        return False
    return len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208 - counts what Python does not know of, too


def _start_command_process(link: Link) -> int:
    from brokerless.spawn import spawn

    inherited = link.command_descriptors()
    child = spawn(
        [sys.executable, *sys.orig_argv[1:]],
        directory=Path.cwd(),
        environment=os.environ | {LINK_VARIABLE: ",".join(map(str, [*inherited, os.getpid()]))},
        output=1,
        inherit=inherited,
    )
    # The monitor collects every child itself; a Popen that still waited could take the status from it.
    child.returncode = 0
    return child.pid
