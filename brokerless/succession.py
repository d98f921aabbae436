"""What a monitor does once its own task has ended: it starts the next, and may wait for one that is due soon."""

from __future__ import annotations

import logging
import signal
import time
from typing import TYPE_CHECKING

from django.db import Error, connections

from brokerless import purging, release
from brokerless.collection import collect_orphans_from_now_on
from brokerless.failure_mails import send_failure_mails
from brokerless.models import TaskState
from brokerless.purging import purge_daily
from brokerless.standby import stand_by
from brokerless.supervision import HEEDED_SIGNALS, heeded, was_told_to_end
from brokerless.tick import tick

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("brokerless")

PATIENCE = 10.0  # seconds in which what failed is tried again
PAUSE = 0.5


def start_next() -> None:
    """Do a round of housekeeping: the place of this task is free now."""
    _patiently(tick, "The next tasks were not started; they wait for the next poll, launch or tick.")


def leave_the_next_to_others(*, is_news: bool) -> None:
    """Have another process do that round, if there is anything to do: somebody waits for this one to end.

    is_news: there may be somebody to be told of how the task ended.
    """
    try:
        if is_news or TaskState.objects.due().exists() or purging.is_due():
            release.begin_round()
    except Exception:
        logger.exception("The next tasks were not started; they wait for the next poll, launch or tick.")


def await_next_attempt() -> None:
    """Stay until the tasks that are due soon have been started, the next attempt of the own one among them.

    Nothing is owned any more and nothing is to be written: a signal ends this process.
    """
    if not _may_stay():
        return
    collect_orphans_from_now_on()
    _patiently(
        _stand_by_and_tick, "The next attempt is not waited for; it begins with the next poll, launch or tick."
    )


def do_the_rest() -> None:
    """Do what may take some seconds, and what no task waits for: the mails about failures, and the day's purge.

    A signal ends this process here, too.
    """
    if not _may_stay():
        return
    try:
        send_failure_mails()
        purge_daily()
    finally:
        connections.close_all()


def _may_stay() -> bool:
    """Tell whether nobody has told this process to end; whoever does from now on ends it at once."""
    for number in heeded(HEEDED_SIGNALS):
        signal.signal(number, signal.SIG_DFL)
    return not was_told_to_end()


def _stand_by_and_tick() -> None:
    stand_by()
    # What had its time between the last look at what may start and the last one at what is still to come.
    tick()


def _patiently(step: Callable[[], object], given_up: str) -> None:
    """Do something, again while the database is locked, or away for a moment: nobody else may come by soon."""
    deadline = time.monotonic() + PATIENCE
    while not was_told_to_end():
        try:
            step()
            return
        except Exception as error:
            if not isinstance(error, Error) or time.monotonic() > deadline:
                logger.exception(given_up)
                return
            time.sleep(PAUSE)
        finally:
            connections.close_all()
