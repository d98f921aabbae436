"""The watcher on real databases: what it tells whom of, and what it goes on after."""

from __future__ import annotations

import importlib
import os
import threading
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.db.models import F
from django.utils import timezone

from brokerless.live import comparing, looking, polling, postgresql, watcher
from brokerless.live.comparing import Seen
from brokerless.live.subscription import Watched
from brokerless.models import TaskState
from brokerless.processes import host_name
from tests.eventually import eventually
from tests.site.live import Ear

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

AT_ONCE = 1.5  # seconds; where nothing else would bring the news for a minute
NEVER = 60.0  # seconds


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, transactional_db: None) -> str:
    """Run the test on each database."""
    if request.param == "postgresql":
        request.getfixturevalue("postgres")
    return request.param


@pytest.fixture
def listen(database: str, runtime_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Ear]]:
    """Return a function that has the process's watcher watch something, and has been told what there is."""
    monkeypatch.setattr("brokerless.tick.dispatch_for_poll", lambda: 0)
    monkeypatch.setattr(watcher, "_current", None)
    if database == "sqlite":
        monkeypatch.setattr(polling, "INTERVAL", 0.05)

    def start(**watched: Any) -> Ear:
        ear = Ear(Watched(**watched))
        watcher.subscribe(ear)
        eventually(lambda: ear.told, why="it is told what there is")
        ear.forget()
        return ear

    yield start
    if watcher._current is not None:
        watcher._current.stop()
        assert not watcher._current.is_alive()


@pytest.fixture
def ann(database: str) -> User:
    return User.objects.create(username="ann")


@pytest.fixture
def task(ann: User) -> TaskState:
    """Return a running task of another host, which is not looked after."""
    return new_task(ann)


@pytest.fixture
def told_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the database's own notifications be all that brings news."""
    monkeypatch.setattr(postgresql, "SAFETY_INTERVAL", NEVER)
    monkeypatch.setattr(polling, "INTERVAL", NEVER)


migration = importlib.import_module("brokerless.migrations.0006_tell_of_changes")
# What is alike on both: a test on PostgreSQL takes a second where the disk is slow.
on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


def new_task(owner: User | None, **values: Any) -> TaskState:
    usual = {"command": "export_books", "status": "RUNNING", "host": "elsewhere", "heartbeat_at": timezone.now()}
    return TaskState.objects.create(**usual | {"owner": owner} | values)


def change(task: TaskState, **values: Any) -> None:
    TaskState.objects.filter(pk=task.pk).update(version=F("version") + 1, **values)


def test_a_change_of_a_task_is_told_with_its_row(listen: Callable[..., Ear], task: TaskState) -> None:
    ear, other = listen(task_id=task.pk), listen(task_id=new_task(None).pk)
    change(task, progress_current=3)
    (told,) = eventually(lambda: ear.tasks)
    assert (told.progress_current, told.version) == (3, 1)
    assert not other.told


def test_a_page_of_rows_hears_what_can_be_seen_in_them(listen: Callable[..., Ear], task: TaskState) -> None:
    ear = listen(row_ids=frozenset([task.pk, new_task(None).pk]))
    witness = listen(task_id=task.pk)
    change(task)
    eventually(lambda: witness.tasks)
    assert not ear.told
    change(task, progress_current=1, progress_total=2)
    assert eventually(lambda: ear.topics) == ["rows"]


def test_an_owner_hears_of_statuses_and_notices_and_new_tasks_only(
    listen: Callable[..., Ear], ann: User, task: TaskState
) -> None:
    ear = listen(owner_id=ann.pk)
    witness = listen(task_id=task.pk)
    change(task, progress_current=1, progress_total=2)
    eventually(lambda: witness.tasks)
    new_task(None)
    assert not ear.told
    for news in (
        lambda: change(task, notices_count=1),
        lambda: change(task, cancel_requested_at=timezone.now()),
        lambda: change(task, status="CANCELLED", finished_at=timezone.now()),
        lambda: new_task(ann),
    ):
        news()
        assert eventually(lambda: ear.topics) == ["notices"]
        ear.forget()


def test_of_a_task_that_is_gone_the_stream_ends(listen: Callable[..., Ear], task: TaskState) -> None:
    ear, row = listen(task_id=task.pk), listen(row_ids=frozenset([task.pk]))
    task.delete()
    eventually(lambda: ear.has_ended)
    assert eventually(lambda: row.topics) == ["rows"]
    assert not row.has_ended


@on_sqlite
def test_changes_that_come_together_are_read_together(
    listen: Callable[..., Ear], ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = [new_task(ann) for _ in range(10)]
    ears = [listen(task_id=task.pk) for task in tasks]
    reads: list[int] = []

    def read(task_ids: set[UUID]) -> dict[UUID, TaskState]:
        reads.extend([len(task_ids)] if task_ids else [])
        return looking.read_tasks(task_ids)

    monkeypatch.setattr(watcher, "read_tasks", read)
    TaskState.objects.update(version=F("version") + 1)
    eventually(lambda: all(ear.tasks for ear in ears))
    assert reads == [10]


@on_sqlite
def test_the_thread_ends_when_it_is_not_needed_and_begins_again(
    listen: Callable[..., Ear], task: TaskState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "LINGER", 0.1)
    ear = listen(task_id=task.pk)
    first = watcher._current
    first.remove(ear)
    eventually(lambda: not first.is_alive(), why="the thread has ended")
    ear = listen(task_id=task.pk)
    assert watcher._current is not first
    change(task)
    eventually(lambda: ear.tasks)


@on_sqlite
def test_an_error_of_the_database_ends_nothing(
    listen: Callable[..., Ear], task: TaskState, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ear = listen(task_id=task.pk)
    failures = [OperationalError("database is locked")]

    def read(*arguments: Any) -> list[looking.Brief]:
        if failures:
            raise failures.pop()
        return looking.read_briefs(*arguments)

    monkeypatch.setattr(watcher, "read_briefs", read)
    change(task)
    eventually(lambda: ear.tasks)
    assert not failures
    assert "database is locked" in caplog.text


def test_a_task_whose_monitor_is_gone_is_finished_though_nobody_polls(
    listen: Callable[..., Ear], ann: User
) -> None:
    task = new_task(ann, host=host_name(), monitor_pid=2**22 + 1, monitor_start=1, lease=1, attempt=1)
    ear = listen(task_id=task.pk, owner_id=ann.pk)
    eventually(lambda: [told for told in ear.tasks if told.status == "LOST"], within=5)
    assert ear.topics == ["notices"]


@on_sqlite
def test_what_another_host_runs_well_is_not_looked_after(
    listen: Callable[..., Ear], ann: User, task: TaskState, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_after: list[UUID] = []
    monkeypatch.setattr("brokerless.live.caretaker.look_after", lambda task: looked_after.append(task.pk))
    monkeypatch.setattr(watcher, "LOOK_AFTER_INTERVAL", 0.01)
    silent = new_task(ann, heartbeat_at=timezone.now() - timedelta(days=1))
    own = new_task(ann, host=host_name())
    listen(task_id=task.pk, owner_id=ann.pk)
    eventually(lambda: {own.pk, silent.pk} <= set(looked_after))
    assert task.pk not in looked_after


@on_sqlite
def test_a_fork_does_not_use_its_parents_thread_nor_anybody_a_dead_one(
    listen: Callable[..., Ear], task: TaskState, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen(task_id=task.pk)
    assert watcher._current.is_usable()
    assert not watcher.Watcher().is_usable()
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert not watcher._current.is_usable()


@on_sqlite
def test_a_thread_that_is_stuck_is_replaced(
    listen: Callable[..., Ear], task: TaskState, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    listen(task_id=task.pk)
    stuck = watcher._current
    with monkeypatch.context() as patched:
        patched.setattr(watcher, "read_briefs", lambda *_: go_on.wait() and [])
        change(task)
        patched.setattr(watcher, "STUCK_AFTER", 0.4)
        eventually(stuck.is_stuck, why="the thread has not come round")
        patched.undo()
        stuck._alive_at -= NEVER
        ear = listen(task_id=task.pk)
    assert watcher._current is not stuck
    change(task)
    eventually(lambda: ear.tasks)
    go_on.set()
    eventually(lambda: not stuck.is_alive(), why="the stuck thread has ended")


@on_sqlite
def test_a_slow_listener_holds_nobody_up(
    listen: Callable[..., Ear], ann: User, task: TaskState, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, begun = threading.Event(), threading.Event()

    def look_after(_: TaskState) -> None:
        begun.set()
        go_on.wait()

    monkeypatch.setattr("brokerless.live.caretaker.look_after", look_after)
    ear = listen(task_id=task.pk, row_ids=frozenset([new_task(ann, host=host_name()).pk]))
    assert begun.wait(10)
    change(task)
    eventually(lambda: ear.tasks)
    go_on.set()


@on_postgresql
def test_postgresql_tells_of_changes_by_itself(
    told_alone: None, listen: Callable[..., Ear], ann: User, task: TaskState
) -> None:
    ear, owner = listen(task_id=task.pk), listen(owner_id=ann.pk)
    assert watcher._current._source._is_trusted
    change(task, notices_count=1)
    eventually(lambda: ear.tasks, within=AT_ONCE)
    eventually(lambda: owner.topics, within=AT_ONCE)
    new_task(ann)
    eventually(lambda: len(owner.topics) == 2, within=AT_ONCE)
    TaskState.objects.filter(pk=task.pk).delete()
    eventually(lambda: ear.has_ended, within=AT_ONCE)


@on_postgresql
def test_a_lost_connection_is_made_anew(
    told_alone: None, listen: Callable[..., Ear], task: TaskState, caplog: pytest.LogCaptureFixture
) -> None:
    ear = listen(task_id=task.pk)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    change(task)
    eventually(lambda: ear.tasks, within=5)
    assert "cannot be read" in caplog.text


@on_postgresql
def test_without_its_trigger_postgresql_is_polled(
    listen: Callable[..., Ear], task: TaskState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "SAFETY_INTERVAL", NEVER)
    set_trigger("DISABLE")
    try:
        ear = listen(task_id=task.pk)
        source = watcher._current._source
        assert not source._is_trusted
        for count in (1, 2):  # the first may be found by the look with which it begins
            change(task)
            eventually(lambda count=count: len(ear.tasks) == count, within=AT_ONCE)
        source._hear_text(source._proof)  # that late
        assert not source._is_trusted
    finally:
        set_trigger("ENABLE")


@on_postgresql
@pytest.mark.parametrize("page", ["task", "notices"])
def test_a_connection_that_tells_no_more_is_found_out(
    listen: Callable[..., Ear],
    ann: User,
    task: TaskState,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    page: str,
) -> None:
    monkeypatch.setattr(postgresql, "SAFETY_INTERVAL", 0.1)
    ear = listen(**{"task": {"task_id": task.pk}, "notices": {"owner_id": ann.pk}}[page])
    source = watcher._current._source
    assert source._is_trusted
    set_trigger("DISABLE")
    try:
        change(task, notices_count=1)
        eventually(lambda: ear.told)
        eventually(lambda: not source._is_trusted)
    finally:
        set_trigger("ENABLE")
    assert "does not tell of all changes" in caplog.text


@on_postgresql
def test_once_it_is_not_trusted_everything_is_looked_at_without_delay(database: str) -> None:
    with postgresql.Listening() as source:
        assert source.wait(0).is_everything
        assert not source.wait(0).is_everything
        source.found({uuid4()})
        assert not source.wait(0).is_everything
        source.found(set())
        assert source.wait(0).is_everything


@on_postgresql
def test_a_connection_is_given_back_as_it_was(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be a pool's."""
    with postgresql.Listening():
        assert channels() == [postgresql.CHANNEL]
    assert channels() == []
    monkeypatch.setattr(postgresql.Listening, "_finds_trigger", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError), postgresql.Listening():
        pass
    assert channels() == []


@on_postgresql
def test_what_is_told_is_trusted_on(
    listen: Callable[..., Ear], task: TaskState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "SAFETY_INTERVAL", 0.02)
    ear = listen(task_id=task.pk)
    for count in range(1, 12):
        change(task)
        eventually(lambda count=count: len(ear.tasks) == count)
    assert watcher._current._source._is_trusted


@on_postgresql
def test_the_trigger_goes_and_comes_with_its_migration(listen: object) -> None:
    assert (triggers(), schemas()) == ([1], ["public"])
    with other_schema_first():
        migration.drop_trigger(apps, connection.schema_editor())
        assert (triggers(), schemas()) == ([0], [])
        migration.create_trigger(apps, connection.schema_editor())
    assert (triggers(), schemas()) == ([1], ["public"])


@on_postgresql
def test_who_writes_a_row_decides_nothing_about_the_trigger(
    told_alone: None, listen: Callable[..., Ear], task: TaskState
) -> None:
    ear = listen(task_id=task.pk)
    with other_schema_first():
        execute("CREATE FUNCTION other.left(text, integer) RETURNS text LANGUAGE sql AS $$ SELECT 1 / 0 || '' $$")
        change(task)
    eventually(lambda: ear.tasks, within=AT_ONCE)


@contextmanager
def other_schema_first() -> Iterator[None]:
    """Have this connection find names in a schema that is not the tables'."""
    execute("CREATE SCHEMA other")
    execute("SET search_path = other, pg_catalog, public")
    try:
        yield
    finally:
        execute("RESET search_path")
        execute("DROP SCHEMA other CASCADE")


def execute(statement: str, *values: str) -> list[Any]:
    """Return the first column of what a statement finds."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [row[0] for row in cursor.fetchall()] if cursor.description else []


def channels() -> list[str]:
    return execute("SELECT * FROM pg_listening_channels()")


def triggers() -> list[int]:
    return execute("SELECT count(*) FROM pg_trigger WHERE tgname = %s", postgresql.TRIGGER)


def schemas() -> list[str]:
    """Return where the trigger's function is."""
    return execute("SELECT pronamespace::regnamespace::text FROM pg_proc WHERE proname = %s", postgresql.TRIGGER)


def set_trigger(word: str) -> None:
    execute(f"ALTER TABLE brokerless_taskstate {word} TRIGGER {postgresql.TRIGGER}")


@on_sqlite
def test_ids_of_others_are_no_news(listen: Callable[..., Ear], task: TaskState) -> None:
    ear = listen(row_ids=frozenset([uuid4()]))
    witness = listen(task_id=task.pk)
    change(task, status="FAILED", finished_at=timezone.now())
    eventually(lambda: witness.tasks)
    assert not ear.told


@on_sqlite
def test_an_old_end_that_a_list_shows_is_no_news_for_its_owner(ann: User) -> None:
    old = new_task(ann, status="FAILED", finished_at=timezone.now() - 2 * looking.RECENTLY)
    seen = Seen()
    for task_ids in ([old.pk], [], [old.pk]):
        changes = seen.compare(looking.read_briefs(task_ids, [ann.pk]), task_ids, [ann.pk])
        assert not changes.owners


def test_very_many_rows_and_owners_are_read_in_several_queries(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "CHUNK", 2)
    others = [new_task(None).pk for _ in range(3)]
    own = new_task(ann).pk
    found = looking.read_briefs(others, [ann.pk, -1])
    assert {brief.task_id for brief in found} == {*others, own}
    assert set(looking.read_tasks(others)) == set(others)
    assert {task.pk for task in looking.read_unfinished([*others, own])} == {*others, own}


def test_of_very_many_of_an_owner_those_that_run_are_read_and_the_newest(
    ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (looking, comparing):
        monkeypatch.setattr(module, "OWNER_LIMIT", 2)
    running = new_task(ann)
    oldest, older, newest = [new_task(ann, status="READY").pk for _ in range(3)]
    others = new_task(User.objects.create(username="bob")).pk
    seen = Seen()

    def found() -> set[UUID]:
        briefs = looking.read_briefs([oldest], [ann.pk, User.objects.get(username="bob").pk])
        changes = seen.compare(briefs, [oldest], [ann.pk])
        assert not changes.for_owners
        return {brief.task_id for brief in briefs}

    assert found() == {oldest, running.pk, newest, others}
    TaskState.objects.filter(pk=newest).delete()
    assert found() == {oldest, running.pk, older, others}


@on_sqlite
def test_of_an_owner_s_tasks_those_that_run_are_looked_after_and_one_that_waits(ann: User) -> None:
    running = new_task(ann).pk
    waiting = {new_task(ann, status="READY").pk for _ in range(3)}
    row = new_task(None, status="READY").pk
    new_task(ann, status="FAILED", finished_at=timezone.now())
    seen = Seen()
    seen.compare(looking.read_briefs([row], [ann.pk]), [row], [ann.pk])
    found = seen.worth_a_look()
    assert {running, row} < found
    assert len(found & waiting) == 1 == len(found - {running, row})


@on_sqlite
def test_a_stream_that_begins_while_the_database_is_away_is_told_later(
    listen: Callable[..., Ear], task: TaskState, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = [OperationalError("away"), OperationalError("away")]

    def read(*arguments: Any) -> list[looking.Brief]:
        if failures:
            raise failures.pop()
        return looking.read_briefs(*arguments)

    monkeypatch.setattr(watcher, "read_briefs", read)
    listen(task_id=task.pk)
    assert not failures
