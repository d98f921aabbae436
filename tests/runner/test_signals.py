"""The lifecycle signals: who is told of what, when, and how often."""

from __future__ import annotations

import signal
from contextlib import contextmanager

import pytest
from django.db import transaction

from brokerless import launch, outcome, reap, transitions
from brokerless.attempts import settle
from brokerless.dispatch import dispatch
from brokerless.models import TaskState
from brokerless.outcome import Outcome
from brokerless.processes import Process, host_name
from brokerless.signals import task_finished, task_launched, task_started
from brokerless.tick import tick
from tests.eventually import eventually
from tests.probes.listening import LEDGER, MISBEHAVIOUR, read_ledger
from tests.real_processes import describe
from tests.runner.launchers import RecordingLauncher, RefusingLauncher, make_ready, statuses

Status = TaskState.Status
DEAD = Process(2**22 + 1, 1)  # beyond any pid
SIGNALS = {"launched": task_launched, "started": task_started, "finished": task_finished}


@pytest.fixture
def told():
    """Return what listeners in this process are told: event, title and status of the task."""
    found = []
    listeners = {name: _noting(found, name) for name in SIGNALS}
    for name, each in SIGNALS.items():
        each.connect(listeners[name])
    yield found
    for name, each in SIGNALS.items():
        each.disconnect(listeners[name])


def _noting(found, name):
    def note(sender, task, **_):
        assert sender is TaskState
        found.append((name, task.title, task.status))

    return note


@contextmanager
def rolled_back():
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def running(**fields):
    """Record a task whose monitor is dead."""
    return TaskState.objects.create(
        command="probe",
        title="1",
        status=Status.RUNNING,
        lease=1,
        attempt=1,
        host=host_name(),
        monitor_pid=DEAD.pid,
        monitor_start=DEAD.start,
        **fields,
    )


@pytest.fixture
def waiting(transactional_db, use_launcher):
    """Have launched tasks be claimed, and nothing be started for them."""
    use_launcher(RecordingLauncher, limit=5)


def launch_probe(**keywords):
    return launch("probe", arguments=["succeed"], title="1", **keywords)


def test_a_launch_is_told_once_it_is_committed(waiting, told):
    with transaction.atomic():
        launch_probe()
        assert told == []
    assert told == [("launched", "1", Status.READY)]


def test_a_launch_that_is_rolled_back_is_not_told(waiting, told):
    with rolled_back():
        launch_probe()
    assert told == []


def test_a_launch_that_joins_is_not_told(waiting, told):
    launch_probe(unique_key="key")
    assert launch_probe(unique_key="key").is_joined
    assert told == [("launched", "1", Status.READY)]


def test_a_task_that_waits_is_told_when_it_is_cancelled_and_once(transactional_db, told):
    (task,) = make_ready(1)
    assert task.cancel()
    assert not task.cancel()
    assert told == [("finished", "1", Status.CANCELLED)]


def test_a_cancel_in_a_transaction_is_told_after_its_commit(transactional_db, told):
    (task,) = make_ready(1)
    with transaction.atomic():
        task.cancel()
        assert told == []
    assert told == [("finished", "1", Status.CANCELLED)]


def test_a_cancel_that_is_rolled_back_is_not_told(transactional_db, told):
    (task,) = make_ready(1)
    with rolled_back():
        task.cancel()
    assert told == []


def test_a_running_task_that_is_asked_to_stop_is_not_told_of_yet(transactional_db, told):
    task = running()
    assert transitions.request_cancel(task.pk, by_id=None) == Status.RUNNING
    assert told == []


def test_what_could_not_be_spawned_is_told_after_all_has_been_tried(transactional_db, use_launcher, told):
    use_launcher(RefusingLauncher, limit=1)
    make_ready(3)
    at_first = []
    noting = _at_first_call(at_first)
    task_finished.connect(noting)
    try:
        dispatch()
    finally:
        task_finished.disconnect(noting)
    assert told == [("finished", title, Status.FAILED) for title in "123"]
    assert at_first == [dict.fromkeys("123", Status.FAILED)]


def _at_first_call(seen):
    def note(**_):
        if not seen:
            seen.append(statuses())

    return note


def test_what_a_reaper_finds_lost_is_told_once_whoever_else_looks(transactional_db, runtime_dir, told):
    task = running()
    copy = TaskState.objects.get(pk=task.pk)
    assert reap.look_at(task)
    assert not reap.look_at(copy)
    assert told == [("finished", "1", Status.LOST)]


def test_an_attempt_that_is_tried_again_is_not_told(transactional_db, runtime_dir, told):
    task = running(max_attempts=2)
    assert reap.look_at(task)
    assert TaskState.objects.get(pk=task.pk).status == Status.READY
    assert told == []


def test_a_round_tells_when_it_has_started_what_may_run(transactional_db, runtime_dir, use_launcher, told):
    use_launcher(RecordingLauncher, limit=1)
    make_ready(1, titles="next")
    running()
    started = []
    noting = _started_by_then(started)
    task_finished.connect(noting)
    try:
        assert tick() == (1, 1)
    finally:
        task_finished.disconnect(noting)
    assert (told, started) == ([("finished", "1", Status.LOST)], [["next"]])


def _started_by_then(started):
    return lambda **_: started.append(list(RecordingLauncher.started))


@pytest.mark.parametrize("is_repeatable", [True, False])
def test_a_final_write_whose_reply_was_lost_is_told_once_by_whoever_may_repeat_it(
    transactional_db, runtime_dir, told, monkeypatch, is_repeatable
):
    task = running()
    update = transitions._update
    monkeypatch.setattr(transitions, "_update", lambda *where, **changes: update(*where, **changes) and False)
    settle(task, Outcome(Status.SUCCESSFUL), is_repeatable=is_repeatable)
    assert TaskState.objects.get(pk=task.pk).status == Status.SUCCESSFUL
    assert told == [("finished", "1", Status.SUCCESSFUL)] * is_repeatable


def test_a_final_write_that_is_undone_is_not_told_but_the_next_one_is(transactional_db, told):
    task = running()
    with rolled_back():
        assert transitions.finish(task.pk, task.lease, outcome.cancelled())
    assert transitions.finish(task.pk, task.lease, outcome.cancelled())
    assert told == [("finished", "1", Status.CANCELLED)]


@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_a_listener_that_fails_hurts_neither_the_task_nor_the_others(waiting, told, error, caplog):
    def fail(**_):
        raise error("of a listener")

    receivers = task_launched.receivers
    task_launched.connect(fail)
    task_launched.receivers = list(reversed(task_launched.receivers))  # the failing one first
    try:
        task = launch_probe()
    finally:
        task_launched.receivers = receivers
        task_launched.disconnect(fail)
    assert TaskState.objects.get(pk=task.pk).status == Status.STARTING
    # One that wants to exit has its way as far as the other listeners go.
    assert told == [("launched", "1", Status.READY)] * (error is ValueError)
    assert "of a listener" in caplog.text


def test_a_row_that_was_purged_meanwhile_is_not_told(transactional_db, told):
    (task,) = make_ready(1)
    with transaction.atomic():
        task.cancel()
        TaskState.objects.all().delete()
    assert told == []


def test_without_listeners_nothing_is_read_for_them(transactional_db, django_assert_num_queries):
    task = running()
    with django_assert_num_queries(1):
        transitions.finish(task.pk, task.lease, outcome.cancelled())


@pytest.fixture
def ledger(processes, monkeypatch, tmp_path):
    """Have the processes write down what they are told."""
    path = tmp_path / "told"
    monkeypatch.setenv("TEST_PROBES", "tests.probes.apps.ListeningConfig")
    monkeypatch.setenv(LEDGER, str(path))
    return path


@pytest.mark.system
def test_each_is_told_in_its_own_process(processes, ledger, told):
    task = processes.launch("succeed", title="1")
    eventually(lambda: len(read_ledger(ledger)) == 2, why="both processes have told")
    ended = processes.read(task)
    assert told == [("launched", "1", Status.READY)]
    assert read_ledger(ledger) == [
        ("started", str(task.pk), "RUNNING", "1", str(ended.command_pid)),
        ("finished", str(task.pk), "SUCCESSFUL", "1", str(ended.monitor_pid)),
    ]


@pytest.mark.system
def test_every_attempt_is_told_at_its_start_and_the_end_once(processes, ledger):
    processes.configure(RETRY_PAUSE=0.1)
    task = processes.await_end(processes.launch("fail_before_attempt", 3, max_attempts=3))
    assert task.status == Status.SUCCESSFUL, describe(task)
    eventually(
        lambda: read_ledger(ledger)[-1:] and read_ledger(ledger)[-1][0] == "finished", why="the end is told"
    )
    assert [(event, attempt) for event, _, _, attempt, _ in read_ledger(ledger)] == [
        ("started", "1"),
        ("started", "2"),
        ("started", "3"),
        ("finished", "3"),
    ]


@pytest.mark.system
def test_a_listener_that_hangs_keeps_neither_the_row_nor_the_place(processes, ledger, monkeypatch):
    monkeypatch.setenv(MISBEHAVIOUR, "hang")
    processes.configure(MAX_PROCESSES=1)
    first = processes.launch("return_at_word")
    processes.await_word("started", first)
    second = processes.launch("succeed")  # waits for the place
    processes.say()
    # Nobody looks: it is started by the first one's monitor.
    ended = [processes.await_end(task, look=False) for task in (first, second)]
    assert [task.status for task in ended] == [Status.SUCCESSFUL] * 2
    eventually(lambda: len(read_ledger(ledger)) == 4, why="both listeners have been called")
    for task in ended:
        assert processes.is_alive(task.monitor_pid)
        processes.kill(task.monitor_pid, signal.SIGTERM)
        eventually(lambda task=task: not processes.is_alive(task.monitor_pid), why="SIGTERM ends it")


@pytest.mark.system
@pytest.mark.parametrize("how", ["raise", "exit"])
def test_a_listener_that_fails_in_the_monitor_changes_nothing(processes, ledger, monkeypatch, how):
    monkeypatch.setenv(MISBEHAVIOUR, how)
    task = processes.await_end(processes.launch("succeed"))
    eventually(lambda: not processes.is_alive(task.monitor_pid), why="the monitor has ended")
    assert len(read_ledger(ledger)) == 2
    assert processes.read(task).status == Status.SUCCESSFUL
