"""One thread per process reads the tasks that any open stream shows; a stream itself makes no query."""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Any

from django.db import connections, router

from brokerless.live.caretaker import Caretaker
from brokerless.live.changes import Dirty
from brokerless.live.comparing import Seen
from brokerless.live.looking import read_briefs, read_tasks, read_unfinished
from brokerless.live.polling import Polling
from brokerless.live.postgresql import Listening, can_listen
from brokerless.models import TaskState
from brokerless.tick import may_be_wrong

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from brokerless.live.changes import Source
    from brokerless.live.comparing import Changes
    from brokerless.live.subscription import Subscription

logger = logging.getLogger("brokerless")

LEAST_GAP = 0.05  # seconds between two rounds, in which changes gather
LOOK_AFTER_INTERVAL = 1.0  # seconds
LINGER = 10.0  # seconds until the thread of a process with no stream ends
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0  # seconds after an error; doubled
STUCK_AFTER = (
    30.0  # seconds; a statement on a connection that was cut without a word may take a quarter of an hour
)

_lock = threading.Lock()
_current: Watcher | None = None


def subscribe(subscription: Subscription) -> Watcher:
    """Have the process's watcher tell a stream of changes, and return it; begin with one, if there is none."""
    global _current
    with _lock:
        if _current is None or not _current.is_usable():
            _current = Watcher()
            _current.start()
        _current.add(subscription)
        return _current


class Watcher(threading.Thread):
    """Tells its subscriptions of changes until none is left for a while."""

    def __init__(self) -> None:
        super().__init__(name="brokerless-watcher", daemon=True)
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._subscriptions: set[Subscription] = set()
        self._newcomers: set[Subscription] = set()
        self._source: Source | None = None
        self._seen = Seen()
        self._caretaker = Caretaker()
        self._unused_since = self._alive_at = self._next_look_after = time.monotonic()
        self._is_over = False

    def is_usable(self) -> bool:
        """Tell whether this thread goes on, in this process (a fork has not its parent's), and is not stuck."""
        return self._pid == os.getpid() and self.is_alive() and not self._is_over and not self.is_stuck()

    def is_stuck(self) -> bool:
        """Tell whether the thread has not come round for too long."""
        return time.monotonic() - self._alive_at > STUCK_AFTER

    def add(self, subscription: Subscription) -> None:
        """Tell a stream of changes from now on, and first of everything."""
        with self._lock:
            self._subscriptions.add(subscription)
            self._newcomers.add(subscription)
        self._wake()

    def remove(self, subscription: Subscription) -> None:
        """Tell a stream nothing more."""
        with self._lock:
            self._subscriptions.discard(subscription)
            self._newcomers.discard(subscription)
            self._unused_since = time.monotonic()

    def stop(self) -> None:
        """End the thread, and the streams that it tells."""
        with self._lock:
            subscriptions = tuple(self._subscriptions)
        for subscription in subscriptions:
            subscription.tell(is_end=True)
        self._is_over = True
        self._wake()
        self.join(LONGEST_PAUSE)

    def run(self) -> None:
        """Watch for as long as somebody wants to know, whatever goes wrong meanwhile."""
        pause = FIRST_PAUSE
        while self._is_wanted():
            begun = self._alive_at = time.monotonic()
            try:
                self._watch()
            except Exception as error:
                # Whatever it is, pages must not stand still for it: the database is away, or SQLite's is locked.
                logger.warning("Changes of tasks cannot be read, which is tried again in %g s: %s", pause, error)
                time.sleep(pause)
                pause = FIRST_PAUSE if begun + LONGEST_PAUSE < time.monotonic() else min(2 * pause, LONGEST_PAUSE)
            finally:
                connections.close_all()

    def _watch(self) -> None:
        alias = router.db_for_write(TaskState)
        source = Listening() if can_listen(connections[alias]) else Polling()
        with source:
            self._source = source
            dirty = Dirty(is_everything=True)
            while self._is_wanted():
                self._alive_at = time.monotonic()
                self._round(dirty)
                self._look_after()
                time.sleep(max(0, self._alive_at + LEAST_GAP - time.monotonic()))
                dirty = source.wait(self._next_look_after - time.monotonic())

    def _is_wanted(self) -> bool:
        with _lock, self._lock:
            is_unused = not self._subscriptions and time.monotonic() - self._unused_since > LINGER
            self._is_over = self._is_over or is_unused or self is not _current
            return not self._is_over

    def _round(self, dirty: Dirty) -> None:
        """Read what may have changed, and tell of what has."""
        with self._lock:
            newcomers, self._newcomers = self._newcomers, set()
            everybody = tuple(self._subscriptions)
        if not everybody or not (dirty or newcomers):
            return
        try:
            self._tell(everybody, newcomers, self._changes(dirty, everybody, newcomers))
        except BaseException:
            with self._lock:  # they are told all the same, once it goes on
                self._newcomers |= newcomers & self._subscriptions
            raise

    def _changes(
        self, dirty: Dirty, everybody: Iterable[Subscription], newcomers: Iterable[Subscription]
    ) -> Changes:
        watched_ids, watched_owners = _ids(everybody), _owners(everybody)
        task_ids, owners = watched_ids, watched_owners
        if not dirty.is_everything:
            task_ids = (watched_ids & dirty.task_ids) | _ids(newcomers)
            owners = {each for each in watched_owners if str(each) in dirty.owners} | _owners(newcomers)
        changes = self._seen.compare(read_briefs(task_ids, owners) if task_ids or owners else [], task_ids, owners)
        if dirty.is_everything:
            self._source.found(changes.tasks | changes.for_owners)
            self._seen.forget_all_but(watched_ids, watched_owners)
        return changes

    def _tell(self, everybody: Iterable[Subscription], newcomers: set[Subscription], changes: Changes) -> None:
        wanted = {
            each.watched.task_id
            for each in everybody
            if each.watched.task_id in changes.tasks or (each in newcomers and each.watched.task_id)
        }
        tasks = read_tasks(wanted)
        for each in everybody:
            watched = each.watched
            # A newcomer asks for everything once, as it may have missed something since its page was made.
            topics = watched.topics if each in newcomers else changes.topics_of(watched)
            task = tasks.get(watched.task_id)
            is_end = watched.task_id in changes.gone or (watched.task_id in wanted and task is None)
            if task is not None or topics or is_end:
                each.tell(task=task, topics=topics, is_end=is_end)

    def _look_after(self) -> None:
        """Bring what is watched and unfinished to the truth, once a second, whoever's duty it was."""
        if time.monotonic() < self._next_look_after:
            return
        self._next_look_after = time.monotonic() + LOOK_AFTER_INTERVAL
        if self._caretaker.is_busy:
            return
        if tasks := [task for task in read_unfinished(self._seen.worth_a_look()) if may_be_wrong(task)]:
            self._caretaker.look_after(tasks)

    def _wake(self) -> None:
        if self._source is not None:
            self._source.wake()


def _ids(subscriptions: Iterable[Subscription]) -> set[UUID]:
    return set().union(*(each.watched.task_ids for each in subscriptions))


def _owners(subscriptions: Iterable[Subscription]) -> set[Any]:
    return {each.watched.owner_id for each in subscriptions} - {None}
