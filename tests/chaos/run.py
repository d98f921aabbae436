"""One run on one database: prepare, let chaos reign, await the calm, judge."""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import django

from tests.chaos import plan
from tests.chaos.actors import CALM
from tests.chaos.ledger import DIRECTORY_VARIABLE, Ledger, LedgerReader
from tests.chaos.report import Result, show
from tests.chaos.site import Site, environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.databases import Database

ACTORS = {"launcher": 3, "dispatcher": 2, "ticker": 2, "canceller": 1}
LOOK_INTERVAL = 0.05  # seconds
# Everything is to be launched when so much of the time is over.
LAUNCHING_PART = 0.8
STARTING_TIME = 60.0  # until the whole site is there
# After the last fault: how long the next task may take to finish (a busy machine may have many left), and how
# long until every process is gone.
FINISHING_TIME = 30.0
ENDING_TIME = 10.0
# The truth about any task comes within the time that a claimed one may take to start, twice over for two hosts.
TRUTH_WITHIN = 3.0 * plan.START_TIMEOUT


@dataclass(frozen=True)
class Wishes:
    """What a run is to be.

    tasks: how many to launch. seconds: how long chaos reigns at most. pause: seconds between two faults, on
    average. absences: how often the database goes away.
    """

    database: str
    seed: str
    tasks: int
    seconds: float
    pause: float
    absences: int


def run(wishes: Wishes) -> bool:
    """Do a run, print its tally, and tell whether all was well. Raises NoDatabase."""
    directory = Path(tempfile.mkdtemp(prefix=f"chaos-{wishes.database}-"))
    database = _started_database(wishes.database, directory)
    try:
        result = _Run(wishes, directory, database).result()
    finally:
        database.remove()
    is_well = show(result, sys.stdout)
    if is_well:
        shutil.rmtree(directory)
    else:
        print(f"The run's files are kept in {directory}", flush=True)
    return is_well


class NoDatabase(Exception):  # noqa: N818 - reads as what it says
    """There is none of the wished kind on this machine."""


def _started_database(name: str, directory: Path) -> Database:
    database = _database(name, directory)
    try:
        database.start()
    except OSError as error:
        directory.rmdir()
        raise NoDatabase(str(error)) from error
    return database


def _database(name: str, directory: Path) -> Database:
    from tests.chaos import databases
    from tests.chaos.cluster import ProgramsMissing

    if name == "sqlite":
        return databases.Sqlite(directory)
    try:
        return databases.PrivatePostgres()
    except ProgramsMissing as error:
        url = os.environ.get("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")
        print(f"{error}. The server of TEST_POSTGRES_URL is used, and its connections are ended instead.")
        return databases.GivenPostgres(url)


class _Run:
    """The run itself; what needs Django is imported once its settings can be read."""

    def __init__(self, wishes: Wishes, directory: Path, database: Database) -> None:
        self._wishes = wishes
        self._directory = directory
        self._chance = random.Random(wishes.seed)
        own = {
            DIRECTORY_VARIABLE: str(directory),
            "DATABASE_URL": database.url,
            "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
            "TEST_BROKERLESS": json.dumps(plan.BROKERLESS),
        }
        # Not in this process's own environment as the system shows it, so that it is none of the marked ones.
        os.environ.update(own)
        self._prepare()
        self._assemble(environment(**own), database)

    def _prepare(self) -> None:
        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        (self._directory / "files").mkdir()
        self._plan = plan.draw(self._chance, self._wishes.tasks, seconds=LAUNCHING_PART * self._wishes.seconds)

    def _assemble(self, variables: dict[str, str], database: Database) -> None:
        from tests.chaos.faults import Faults
        from tests.chaos.history import History
        from tests.chaos.watcher import Truth, Watcher

        self._site = Site(self._directory, self._wishes.seed, variables, ACTORS)
        self._history = History()
        self._truth = Truth(self._history)
        self._watcher = Watcher(LedgerReader(self._directory), self._history, self._truth)
        spacing = self._wishes.seconds / (self._wishes.absences + 1)
        self._faults = Faults(
            self._chance,
            Ledger(self._directory),
            database=database,
            site=self._site,
            history=self._history,
            watcher=self._watcher,
            truth=self._truth,
            pause=self._wishes.pause,
            absences_at=[spacing * (number + 1) for number in range(self._wishes.absences)],
        )

    def result(self) -> Result:
        from tests.chaos import verdict

        begun = time.monotonic()
        self._truth.start()
        self._watcher.start()
        try:
            self._await(lambda: len(self._history.actors_ready) == sum(ACTORS.values()), STARTING_TIME)
            plan.write(self._directory, self._plan, begin=time.monotonic())
            self._faults.start()
            self._await(self._is_all_done, self._wishes.seconds)
            self._faults.end()
            (self._directory / CALM).touch()
            self._await_all_done()
            return self._judge(begun)
        finally:
            self._site.end()
            verdict.kill_strays(self._directory, self._history)

    def _judge(self, begun: float) -> Result:
        from tests.chaos import verdict

        # While the site is there: it is to collect what it has started.
        left = self._what_stays_left()
        rows = verdict.all_rows()
        self._watcher.end()
        self._truth.end()
        self._site.end()
        left += [finding for finding in self._strays() if finding not in left]
        (self._directory / "rows").write_text("".join(f"{row.pk} {verdict.describe(row)}\n" for row in rows))
        findings = [
            *left,
            *verdict.of_rows(rows, self._history),
            *verdict.of_files(self._directory, self._history),
            *(verdict.Finding("over-limit moments", " ".join(group), text) for group, text in self._over_limit()),
        ]
        if len(self._history.launchers_done) < ACTORS["launcher"]:
            findings.append(verdict.Finding("not launched", "", "not everything that was to be"))
        findings += [verdict.Finding("crashed processes", "", text) for text in self._site.crashes]
        if self._truth.longest > TRUTH_WITHIN:
            text = f"{self._truth.longest:.1f} s to the truth, at most {TRUTH_WITHIN:g} s are well"
            findings.append(verdict.Finding("late truths", self._truth.longest_of, text))
        return Result(
            database=self._wishes.database,
            seed=self._wishes.seed,
            seconds=time.monotonic() - begun,
            statuses=[row.status for row in rows],
            history=self._history,
            given_up=sum(verdict.is_given_up(row) for row in rows),
            longest_gap=self._watcher.longest_gap,
            longest_to_truth=self._truth.longest,
            findings=findings,
        )

    def _over_limit(self) -> list[tuple[tuple[str, str], str]]:
        return [*self._watcher.over_limit.items(), *self._truth.too_many_rows.items()]

    def _what_stays_left(self) -> list:
        """Return the processes that are still there after a while; what is about to end is no finding."""
        from tests.chaos import verdict

        left = [*self._strays(), *verdict.zombies()]

        def is_nothing_left() -> bool:
            still = [*self._strays(), *verdict.zombies()]
            left[:] = [finding for finding in left if finding in still]
            return not left

        self._await(is_nothing_left, ENDING_TIME)
        return left

    def _strays(self) -> list:
        from tests.chaos import verdict

        return verdict.strays(self._directory, self._history, self._site.pids())

    def _await(self, condition: Callable[[], bool], within: float) -> None:
        """Keep the site going until something is so, or for so many seconds."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            self._site.keep()
            if condition():
                return
            time.sleep(LOOK_INTERVAL)

    def _await_all_done(self) -> None:
        """Wait as long as tasks are being launched and finished."""
        from django.db import connections

        connections.close_all()  # whatever the database did to them; it stays from now on
        finished = -1
        while finished != (finished := self._number_finished()):
            self._await(self._is_all_done, FINISHING_TIME)

    def _number_finished(self) -> int:
        from brokerless.models import TaskState

        return TaskState.objects.filter(status__in=TaskState.FINISHED).count()

    def _is_all_done(self) -> bool:
        """Tell whether everything has been launched that will be, and is finished."""
        from django.db import Error, connections

        from brokerless.models import TaskState

        if len(self._history.launchers_done) < ACTORS["launcher"]:
            return False
        try:
            return not TaskState.objects.unfinished().exists()
        except Error:
            connections.close_all()
            return False
