"""Tasks of a site's own tests: which run when, in which transaction, and what is left behind."""

from __future__ import annotations

import os
import threading
from datetime import timedelta

import psutil
import pytest
from asgiref.sync import sync_to_async
from django.db import IntegrityError, connection, transaction
from django.test import RequestFactory, TestCase, TransactionTestCase
from django.utils import timezone

from brokerless import alaunch, current_task, inline, launch
from brokerless.dispatch import dispatch
from brokerless.exceptions import BrokerlessError, TooManyTasks
from brokerless.launchers.subprocess import is_test_run
from brokerless.models import Host, TaskState
from brokerless.runtime_dir import TaskFiles, runtime_directory
from brokerless.signals import task_launched
from brokerless.testing import inline_tasks, run_due_tasks
from brokerless.tick import tick
from tests.probes import functions
from tests.runner.doing import fail_with

Status = TaskState.Status


def test_a_task_of_later_stays_ready_until_it_is_due(inline):
    task = launch("probe", arguments=["succeed"], run_after=timezone.now() + timedelta(hours=1))
    assert (task.status, run_due_tasks()) == (Status.READY, [])
    assert run_due_tasks(at=task.run_after - timedelta(seconds=1)) == []
    assert run_due_tasks(at=task.run_after) == [task]
    task.refresh_from_db()
    assert task.status == Status.SUCCESSFUL


def test_a_task_of_earlier_runs_at_once(inline):
    past = timezone.now() - timedelta(seconds=1)
    assert launch("probe", arguments=["succeed"], run_after=past).status == Status.SUCCESSFUL


def test_recorded_tasks_run_by_priority_and_age(db, monkeypatch):
    seen = []
    monkeypatch.setattr("tests.probes.endings.noted", lambda _, name: seen.append(name), raising=False)
    with inline_tasks(run=False) as inline:
        for name, priority in (("first", 0), ("second", 0), ("urgent", 5)):
            launch("probe", arguments=["noted", name], priority=priority)
        assert [task.arguments[1] for task in inline.launched] == ["first", "second", "urgent"]
        assert {task.status for task in inline.launched} == {Status.READY}
        assert [task.status for task in run_due_tasks()] == [Status.SUCCESSFUL] * 3
    assert seen == ["urgent", "first", "second"]


def test_nothing_else_starts_what_is_only_recorded(transactional_db, client, django_user_model):
    ann = django_user_model.objects.create(username="ann")
    client.force_login(ann)
    with inline_tasks(run=False):
        task = launch("probe", arguments=["succeed"], owner=ann)
        assert dispatch() == 0
        assert tick() == (0, 0)
        assert client.get(f"/tasks/{task.pk}/").status_code == 200
        task.refresh_from_db()
        assert task.status == Status.READY
        assert task.cancel()
    assert task.status == Status.CANCELLED


def test_a_task_that_was_cancelled_meanwhile_does_not_run(db):
    with inline_tasks(run=False):
        task = launch("probe", arguments=["succeed"])
        task.cancel()
        assert run_due_tasks() == []


def test_due_tasks_are_run_inside_inline_tasks_only(db):
    with pytest.raises(BrokerlessError, match="within inline_tasks"):
        run_due_tasks()


def test_the_limit_of_an_owner_s_unfinished_tasks_holds_and_no_other(db, settings, django_user_model):
    ann = django_user_model.objects.create(username="ann")
    settings.BROKERLESS = settings.BROKERLESS | {
        "MAX_UNFINISHED_PER_OWNER": 1,
        "MAX_PROCESSES": 1,
        "QUEUES": {"narrow": {"limit": 1}},
    }
    with inline_tasks(run=False) as inline:
        launch("probe", arguments=["succeed"], owner=ann, queue="narrow")
        with pytest.raises(TooManyTasks):
            launch("probe", arguments=["succeed"], owner=ann)
        Host.objects.create(name=Host.EVERYWHERE, paused_at=timezone.now())
        launch("probe", arguments=["succeed"], queue="narrow")
        run_due_tasks()
        assert {TaskState.objects.get(pk=task.pk).status for task in inline.launched} == {Status.SUCCESSFUL}


def test_a_task_can_be_run_at_the_commit(transactional_db):
    with inline_tasks(at_commit=True):
        with transaction.atomic():
            task = launch("probe", arguments=["succeed"])
            assert task.status == Status.READY
        assert task.status == Status.SUCCESSFUL


def test_what_is_rolled_back_does_not_run_at_the_commit(transactional_db):
    with inline_tasks(at_commit=True) as inline, transaction.atomic():
        launch("probe", arguments=["succeed"])
        transaction.set_rollback(True)
    assert len(inline.launched) == 1
    assert not TaskState.objects.exists()


def test_at_the_commit_an_error_can_be_raised(transactional_db, do):
    with inline_tasks(at_commit=True, raise_errors=True), pytest.raises(ValueError, match="of the command"):
        do(fail_with(ValueError("of the command")))


def test_by_default_it_runs_within_the_caller_s_transaction(inline, do, django_user_model):
    seen = []
    with transaction.atomic():
        django_user_model.objects.create(username="ann")
        do(lambda: seen.append(django_user_model.objects.filter(username="ann").exists()))
    assert seen == [True]


def test_a_durable_block_of_the_command_is_allowed_in_a_test_s_transaction(inline, do):
    def work():
        with transaction.atomic(durable=True):
            pass

    assert do(work).status == Status.SUCCESSFUL


@pytest.mark.parametrize("database", ["usual", "postgres"])
@pytest.mark.parametrize("is_caught", [False, True])
def test_a_statement_that_fails_does_not_end_the_caller_s_transaction(
    request, transactional_db, do, django_user_model, database, is_caught
):
    if database == "postgres":
        request.getfixturevalue("postgres")
    make = django_user_model.objects.create

    def work():
        make(username="bob")
        try:
            make(username="ann")
        except IntegrityError:
            if not is_caught:
                raise

    with inline_tasks(), transaction.atomic():
        make(username="ann")
        task = do(work)
        assert task.status == (Status.SUCCESSFUL if is_caught else Status.FAILED)
        make(username="cleo")
    assert set(django_user_model.objects.values_list("username", flat=True)) == {"ann", "cleo"}


def test_what_a_command_did_before_it_failed_stays(inline, do, django_user_model):
    def work():
        django_user_model.objects.create(username="bob")
        raise ValueError

    assert do(work).status == Status.FAILED
    assert django_user_model.objects.filter(username="bob").exists()


def test_nothing_is_left_behind(transactional_db, runtime_dir, do):
    before = set(threading.enumerate()), psutil.Process().children(), dict(os.environ)

    def work():
        print("something")
        current_task().note_temporary(runtime_directory() / "draft")
        (runtime_directory() / "draft").touch()

    with inline_tasks():
        task = do(work)
        inside = runtime_directory()
        assert TaskFiles(task.pk, task.lease).log.exists()
        assert not (inside / "draft").exists()
    assert (set(threading.enumerate()), psutil.Process().children(), dict(os.environ)) == before
    assert not inside.exists()
    assert not runtime_dir.exists()
    assert runtime_directory() == runtime_dir


def test_blocks_may_be_nested(db):
    with inline_tasks() as outer:
        with inline_tasks(run=False) as inner:
            assert launch("probe", arguments=["succeed"]).status == Status.READY
        assert launch("probe", arguments=["succeed"]).status == Status.SUCCESSFUL
    assert (len(outer.launched), len(inner.launched)) == (1, 1)


def test_after_the_block_tasks_are_dispatched_as_ever(transactional_db, runtime_dir):
    with inline_tasks():
        pass
    assert is_test_run()
    task = launch("probe", arguments=["succeed"])
    task.refresh_from_db()
    assert (task.status, task.error_type) == (Status.FAILED, "not-spawned")
    assert "brokerless.testing.inline_tasks()" in task.error_title


class InATestCase(TestCase):
    """Where no transaction is ever committed."""

    def setUp(self):
        self.tasks = self.enterContext(inline_tasks())

    def test_a_task_runs_within_launch(self):
        assert launch("probe", arguments=["succeed"]).status == Status.SUCCESSFUL

    def test_at_the_commit_it_runs_with_the_captured_callbacks(self):
        self.tasks.is_at_commit = True
        with self.captureOnCommitCallbacks(execute=True):
            task = launch("probe", arguments=["succeed"])
            assert task.status == Status.READY
        assert task.status == Status.SUCCESSFUL

    def test_at_the_commit_it_does_not_run_where_none_is_captured(self):
        self.tasks.is_at_commit = True
        assert launch("probe", arguments=["succeed"]).status == Status.READY

    def test_a_coroutine_sees_the_test_s_rows(self):
        assert functions.count_users.enqueue().return_value == 0
        from django.contrib.auth import get_user_model

        get_user_model().objects.create(username="ann")
        assert functions.count_users.enqueue().return_value == 1

    def test_a_coroutine_that_is_cancelled(self):
        assert TaskState.objects.get(pk=functions.cancel_oneself.enqueue().id).status == Status.CANCELLED

    async def test_in_an_async_test(self):
        task = await alaunch("probe", arguments=["succeed"])
        assert task.status == Status.SUCCESSFUL
        result = await functions.count_users.aenqueue()
        assert result.return_value == 0
        result = await functions.cancel_oneself.aenqueue()
        assert (await TaskState.objects.aget(pk=result.id)).status == Status.CANCELLED

    def test_a_view_that_launches(self):
        request = RequestFactory().get("/")
        with transaction.atomic():  # as under ATOMIC_REQUESTS
            task = launch("probe", arguments=["succeed"], request=request)
        assert task.status == Status.SUCCESSFUL


class InATransactionTestCase(TransactionTestCase):
    def test_a_task_runs_within_launch(self):
        with inline_tasks():
            assert launch("probe", arguments=["succeed"]).status == Status.SUCCESSFUL
        assert not connection.in_atomic_block

    async def test_in_an_async_test(self):
        with inline_tasks():
            result = await functions.count_users.aenqueue()
            assert result.return_value == 0
            found = await sync_to_async(TaskState.objects.get)(pk=result.id)
            assert found.status == Status.SUCCESSFUL


def test_the_same_object_is_not_entered_twice(db):
    with inline_tasks() as tasks, pytest.raises(BrokerlessError, match="entered already"), tasks:
        pass
    with tasks:  # again, once it was left
        assert launch("probe", arguments=["succeed"]).status == "SUCCESSFUL"
    assert inline.substitute() is None


def test_a_listener_whose_statement_fails_leaves_the_transaction_of_the_test_usable(postgres):
    def listener(**_):
        with connection.cursor() as cursor:
            cursor.execute("select no_such_column")

    task_launched.connect(listener)
    try:
        with transaction.atomic(), inline_tasks():
            assert launch("probe", arguments=["succeed"]).status == "SUCCESSFUL"
            assert TaskState.objects.count() == 1
    finally:
        task_launched.disconnect(listener)
