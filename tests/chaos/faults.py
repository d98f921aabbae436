"""What is done to a run: kills, stops, and the database going away, at random moments."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from django.db import Error, connections

from brokerless.models import TaskState
from brokerless.processes import Process, send
from tests.chaos.history import Attempt, Span
from tests.chaos.plan import LOST_AFTER

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from tests.chaos.databases import Database
    from tests.chaos.history import History, Start
    from tests.chaos.ledger import Ledger
    from tests.chaos.site import Site
    from tests.chaos.watcher import Truth, Watcher

RESUMING_INTERVAL = 0.05  # seconds
SHORT_STOP = (0.3, 2.5)
# Enough for another host to look twice and give the task up.
LONG_STOP = (2 * LOST_AFTER + 2.5, 2 * LOST_AFTER + 4.0)
# How often each is done, and to whom; what there is nobody for is not done.
WEIGHTS = {
    "kill command": 8,
    "kill monitor": 6,
    "kill both": 3,
    "kill starting": 6,
    "kill launcher": 3,
    "kill dispatcher": 3,
    "kill ticker": 1,
    "kill canceller": 1,
    "stop monitor": 5,
    "stop monitor past its lease": 2,
    "stop dispatcher": 2,
}


class Faults(threading.Thread):
    """Does them one after the other until `end()`; the database's absences beside them."""

    def __init__(
        self,
        chance: random.Random,
        ledger: Ledger,
        *,
        database: Database,
        site: Site,
        history: History,
        watcher: Watcher,
        truth: Truth,
        pause: float,
        absences_at: list[float],
    ) -> None:
        """pause: seconds between two faults, on average; absences_at: when, in seconds from now."""
        super().__init__(name="faults", daemon=True)
        self._chance = chance
        self._ledger = ledger
        self._database = database
        self._site = site
        self._history = history
        self._watcher = watcher
        self._truth = truth
        self._pause = pause
        self._absences_at = absences_at
        self._stopping = threading.Event()
        self._stopped: list[tuple[float, Process]] = []  # with the moment at which each is resumed
        self._to_be_given_up: set[Attempt] = set()
        self._acts: dict[str, Callable[[str], bool]] = {
            "kill command": self._kill_command,
            "kill monitor": self._kill_monitor,
            "kill both": self._kill_both,
            "kill starting": self._kill_starting,
            "stop monitor": self._stop_monitor,
            "stop monitor past its lease": self._stop_monitor,
            "stop dispatcher": self._stop_actor,
        }

    def run(self) -> None:
        absences = threading.Thread(target=self._be_absent, name="absences", daemon=True)
        absences.start()
        next_at = 0.0
        while not self._stopping.wait(RESUMING_INTERVAL):
            self._resume_those_due()
            if time.monotonic() < next_at:
                continue
            next_at = time.monotonic() + self._chance.expovariate(1 / self._pause)
            self._do_one()
        absences.join()
        connections.close_all()

    def end(self) -> None:
        """Do nothing more, and let whoever is stopped go on."""
        self._stopping.set()
        self.join()
        for _, process in self._stopped:
            send(process, signal.SIGCONT)

    def _do_one(self) -> None:
        what = self._chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        act = self._acts.get(what, self._kill_actor)
        with suppress(Error):
            if act(what):
                self._ledger.note("fault", done=what)

    def _be_absent(self) -> None:
        begin = time.monotonic()
        # In turn, so that a short run has seen them all.
        for number, moment in enumerate(self._absences_at):
            if self._stopping.wait(max(0.0, begin + moment - time.monotonic())):
                return
            act = self._database.absences[number % len(self._database.absences)]
            with self._history.absence():
                act(self._chance)
            self._ledger.note("fault", done=f"database: {act.__name__.strip('_').replace('_', ' ')}")

    def _resume_those_due(self) -> None:
        now = time.monotonic()
        for moment, process in [*self._stopped]:
            if moment <= now:
                send(process, signal.SIGCONT)
                self._stopped.remove((moment, process))

    def _anybody(self) -> Start | None:
        """Return a living command, but none that is to outlive its lease: few would, with all the kills."""
        living = [start for start in self._watcher.living if start.attempt not in self._to_be_given_up]
        return self._chance.choice(living) if living else None

    def _kill_command(self, _: str) -> bool:
        start = self._anybody()
        return start is not None and self._kill(start.attempt, start.process)

    def _kill_monitor(self, _: str) -> bool:
        start = self._anybody()
        return start is not None and self._kill(start.attempt, start.monitor)

    def _kill_both(self, _: str) -> bool:
        start = self._anybody()
        return start is not None and self._kill(start.attempt, start.monitor, start.process)

    def _kill(self, attempt: Attempt, *processes: Process) -> bool:
        """Kill processes of an attempt; it counts as touched even if they are gone by then."""
        self._history.touched.add(attempt.task)
        first, *_ = [send(process, signal.SIGKILL) for process in processes]
        return first

    def _kill_starting(self, _: str) -> bool:
        """Kill a process that is on its way to its task; whether before or after it adopts it is chance."""
        starting = TaskState.objects.filter(status=TaskState.Status.STARTING, monitor_pid__isnull=False)
        tasks = list(starting.order_by("?")[:1])
        if not tasks:
            return False
        attempt = Attempt(str(tasks[0].pk), tasks[0].lease)
        is_done = self._kill(attempt, Process(tasks[0].monitor_pid, tasks[0].monitor_start))
        self._truth.expect(attempt)
        return is_done

    def _kill_actor(self, what: str) -> bool:
        process = self._actor(what.removeprefix("kill "))
        return process is not None and send(process, signal.SIGKILL)

    def _actor(self, role: str) -> Process | None:
        actors = [actor for actor in self._site.actors if actor.role == role]
        return self._chance.choice(actors).process if actors else None

    def _stop_monitor(self, what: str) -> bool:
        is_long = "past" in what
        # Whoever still has its effect before it is the one whose lease matters.
        effects = self._history.effects
        chosen = [start for start in self._watcher.living if not (is_long and effects.get(start.attempt))]
        if not chosen:
            return False
        start = self._chance.choice(chosen)
        if is_long:
            self._history.touched.add(start.attempt.task)
            self._to_be_given_up.add(start.attempt)
        seconds = self._suspend(start.monitor, LONG_STOP if is_long else SHORT_STOP)
        if seconds:
            now = time.monotonic()
            self._history.stops[start.attempt].append(Span(now, now + seconds))
        return seconds > 0

    def _stop_actor(self, what: str) -> bool:
        process = self._actor(what.removeprefix("stop "))
        return process is not None and self._suspend(process, SHORT_STOP) > 0

    def _suspend(self, process: Process, seconds: tuple[float, float]) -> float:
        """Stop a process for a while and return for how long; 0 if it is gone."""
        if not send(process, signal.SIGSTOP):
            return 0.0
        lasts = self._chance.uniform(*seconds)
        self._stopped.append((time.monotonic() + lasts, process))
        return lasts
