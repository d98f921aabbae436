"""The backend of Django's tasks: what is refused, what is recorded, and when it starts."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone

from brokerless import InvalidArguments, TooManyTasks, alaunch, launch
from brokerless.backend import ProcessBackend
from brokerless.functions.framework import (
    LOGGER,
    InvalidTask,
    TaskResultStatus,
    task_backends,
    task_enqueued,
)
from brokerless.models import TaskState
from tests.probes import functions
from tests.probes.functions import task
from tests.runner.checking import ids

pytestmark = pytest.mark.django_db

OURS = "brokerless.backend.ProcessBackend"
IMMEDIATE = f"{LOGGER}.backends.immediate.ImmediateBackend"


@pytest.fixture(autouse=True)
def nothing_starts(dispatched):
    """Have launches dispatch nothing; the list has an item for each that would have."""
    return dispatched


@pytest.fixture
def configure(settings):
    """Return the function that sets TASKS: the default backend's entry, and others."""

    def configure(*, queues=(), others=None, **options):
        settings.TASKS = {
            "default": {"BACKEND": OURS, "QUEUES": list(queues), "OPTIONS": options},
            **(others or {}),
        }

    return configure


@pytest.fixture
def heard():
    """Collect what is told of enqueued tasks: (sender, result)."""
    calls = []

    def listener(sender, task_result, **_):
        calls.append((sender, task_result))

    task_enqueued.connect(listener)
    yield calls
    task_enqueued.disconnect(listener)


def only_row():
    return TaskState.objects.get()


def test_the_backend_can_do_everything_that_the_framework_knows_of():
    backend = task_backends["default"]
    assert type(backend) is ProcessBackend
    assert backend.supports_defer
    assert backend.supports_async_task
    assert backend.supports_get_result
    assert backend.supports_priority


def test_a_call_is_an_ordinary_row():
    result = functions.add.using(priority=7).enqueue(1, second=[2, {"b": None}])
    row = only_row()
    assert (row.command, row.arguments) == ("call_task", ["tests.probes.functions.add"])
    assert row.options == {"arguments": [1], "keywords": {"second": [2, {"b": None}]}}
    assert (row.title, row.queue, row.priority, row.owner) == ("Add", "default", 7, None)
    assert (result.id, result.status, result.attempts) == (str(row.pk), TaskResultStatus.READY, 0)
    assert (result.args, result.kwargs, result.backend) == ([1], {"second": [2, {"b": None}]}, "default")
    assert (result.enqueued_at, result.started_at, result.finished_at) == (row.created_at, None, None)


def test_what_is_left_out_is_left_out_of_the_row():
    functions.nothing.enqueue()
    assert only_row().options == {}


def test_from_a_coroutine_it_is_the_same():
    result = async_to_sync(functions.add_later.aenqueue)(1)
    assert only_row().options == {"arguments": [1]}
    assert async_to_sync(functions.add_later.aget_result)(result.id) == result


@pytest.mark.parametrize(
    ("value", "kind"),
    [(object(), TypeError), (timezone.now(), TypeError), (b"\xff", ValueError), (float("nan"), ValueError),
     ("a\0b", ValueError), ("\udce9", ValueError)],
)  # fmt: skip
def test_arguments_that_cannot_be_stored_are_refused(value, kind):
    for arguments, keywords in (([value], {}), ([], {"second": value}), ([{"deep": [value]}], {})):
        with pytest.raises(kind):
            functions.add.enqueue(*arguments, **keywords)
    assert not TaskState.objects.exists()


def test_arguments_that_are_nested_too_deeply_are_refused():
    deep = []
    for _ in range(2000):
        deep = [deep]
    with pytest.raises(ValueError, match="nested too deeply"):
        functions.add.enqueue(deep)


def test_arguments_are_told_as_they_will_arrive():
    result = functions.add.enqueue((1, b"two"), second={"three": (4,)})
    assert (result.args, result.kwargs) == ([[1, "two"]], {"second": {"three": [4]}})


@pytest.mark.parametrize("priority", [-101, 101, 1.5])
def test_a_priority_out_of_range_is_refused(priority):
    with pytest.raises(InvalidTask, match="priority must be a whole number"):
        functions.add.using(priority=priority)


def test_a_queue_that_the_settings_took_away_is_refused_when_enqueued(configure):
    configure(queues=["other"])
    with pytest.raises(InvalidTask, match="'default' is not valid"):
        functions.add.enqueue(1)
    assert not TaskState.objects.exists()


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(InvalidTask, match="aware"):
        functions.add.using(run_after=timezone.make_naive(timezone.now()))


def test_run_after_is_the_rows():
    moment = timezone.now() + timedelta(hours=1)
    result = functions.add.using(run_after=moment).enqueue(1)
    assert only_row().run_after == moment
    assert functions.add.get_result(result.id).task.run_after == moment


def test_a_function_that_another_process_would_not_find_is_refused():
    renamed = task(functions.add.func)
    renamed.func.__globals__["add"], original = functions.greet, functions.add
    try:
        with pytest.raises(InvalidTask, match="must have its function's name"):
            renamed.enqueue(1)
    finally:
        renamed.func.__globals__["add"] = original


def test_a_function_of_a_script_is_refused(monkeypatch):
    monkeypatch.setattr(functions.greet.func, "__module__", "__main__")
    monkeypatch.setitem(vars(__import__("__main__")), "greet", functions.greet)
    with pytest.raises(InvalidTask, match="defined in a script"):
        functions.greet.enqueue("you")


def test_a_function_that_cannot_be_imported_is_refused(monkeypatch):
    monkeypatch.setattr(functions.greet.func, "__module__", "no.such.module")
    with pytest.raises(InvalidTask, match=r"cannot import the task no\.such\.module\.greet"):
        functions.greet.enqueue("you")


def test_a_backend_of_another_alias_has_its_own_results(configure):
    configure(others={"second": {"BACKEND": OURS}})
    result = functions.add.using(backend="second").enqueue(1)
    assert only_row().options == {"arguments": [1], "backend": "second"}
    assert task_backends["second"].get_result(result.id) == result
    with pytest.raises(Exception, match=result.id):
        task_backends["default"].get_result(result.id)
    assert task_backends["second"].enqueue(functions.add, [1], {}).backend == "second"


def test_queues_that_only_tasks_knows_have_the_default_ones_limits(configure, settings):
    configure(queues=["default", "mail", "slow"], timeout=30, nice=4)
    settings.BROKERLESS = settings.BROKERLESS | {
        "QUEUES": {"default": {"max_attempts": 2}, "slow": {"timeout": 900, "memory_limit": 10**9}}
    }
    for queue, limits in {
        "mail": (30, None, 4, 2),
        "default": (30, None, 4, 2),
        "slow": (900, 10**9, 4, 1),
    }.items():
        functions.add.using(queue_name=queue).enqueue(1)
        row = TaskState.objects.get(queue=queue)
        assert (row.timeout, row.memory_limit, row.nice, row.max_attempts) == limits


def test_a_wrong_option_is_said_by_the_check_and_when_it_would_apply(configure):
    configure(queues=["q" * 101, None], timeout=-1, patience=3)
    (first, second, third, fourth) = [m for m in checks.run_checks(databases=[]) if m.id == "brokerless.E011"]
    assert "TASKS['default']: OPTIONS: timeout is -1" in first.msg
    assert "there is no 'patience'; the entries are timeout, memory_limit, nice, max_attempts." in second.msg
    assert "None: a name is a text of at most 100 characters." in third.msg
    assert "qqq': a name is a text of at most 100 characters." in fourth.msg
    with pytest.raises(ImproperlyConfigured, match="timeout is -1"):
        functions.add.using(queue_name="q" * 101).enqueue(1)


def test_right_options_pass_the_check(configure):
    configure(timeout=30.5, memory_limit=10**9, nice=0, max_attempts=3)
    assert list(task_backends["default"].check()) == []


def test_options_that_are_no_dict_are_said(settings):
    settings.TASKS = {"default": {"BACKEND": OURS, "OPTIONS": ["timeout"]}}
    (message,) = task_backends["default"].check()
    assert "OPTIONS is ['timeout'], but must be a dict." in message.msg


def test_a_site_without_the_runner_is_told_so(settings):
    settings.INSTALLED_APPS = [name for name in settings.INSTALLED_APPS if name != "brokerless"]
    assert "brokerless.E012" in ids(list(task_backends["default"].check()))


@pytest.mark.skipif(LOGGER == "django.tasks", reason="Django has tasks of its own")
def test_a_site_without_the_backport_is_told_so(settings):
    assert "brokerless.W010" not in ids(checks.run_checks(databases=[]))
    settings.INSTALLED_APPS = [name for name in settings.INSTALLED_APPS if name != "django_tasks"]
    assert "brokerless.W010" in ids(checks.run_checks(databases=[]))
    settings.TASKS = {"default": {"BACKEND": IMMEDIATE}}
    assert "brokerless.W010" not in ids(checks.run_checks(databases=[]))


def test_nothing_starts_before_the_commit(nothing_starts, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:
        functions.add.enqueue(1)
    assert nothing_starts == []
    for callback in callbacks:
        callback()
    assert nothing_starts == [1]


@pytest.mark.django_db(transaction=True)
def test_a_rollback_leaves_nothing(nothing_starts):
    with transaction.atomic():
        result = functions.add.enqueue(1)
        assert functions.add.get_result(result.id) == result
        transaction.set_rollback(True)
    assert (TaskState.objects.count(), nothing_starts) == (0, [])


def test_listeners_are_told_with_the_backends_class(heard, caplog):
    with caplog.at_level(logging.DEBUG, logger=LOGGER):
        result = functions.add.enqueue(1)
    assert heard == [(ProcessBackend, result)]
    assert [record.getMessage() for record in caplog.records if record.name == LOGGER] == [
        f"Task id={result.id} path=tests.probes.functions.add enqueued backend=default"
    ]


def test_a_listener_that_fails_takes_nothing_back(nothing_starts, django_capture_on_commit_callbacks):
    def listener(**_):
        raise RuntimeError("of the listener")

    task_enqueued.connect(listener)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            functions.add.enqueue(1)
    finally:
        task_enqueued.disconnect(listener)
    assert nothing_starts == [1]


def test_a_listener_that_spoils_the_transaction_is_told_to_the_caller(postgres):
    def listener(**_):
        with connection.cursor() as cursor:
            cursor.execute("select no_such_column")

    task_enqueued.connect(listener)
    try:
        with pytest.raises(ProgrammingError), transaction.atomic():
            functions.add.enqueue(1)
    finally:
        task_enqueued.disconnect(listener)
    assert not TaskState.objects.exists()


@pytest.mark.parametrize("options", [{"arguments": 5}, {"keywords": [1]}])
def test_a_call_by_its_commands_name_is_checked_as_well(options):
    with pytest.raises(InvalidArguments, match="is no JSON"):
        launch("call_task", arguments=["tests.probes.functions.add"], options=options)


def test_launch_takes_a_function_with_all_that_a_command_has(heard, rf, django_user_model, configure):
    configure(queues=["default", "slow"])
    request = rf.get("/books/")
    request.user = django_user_model.objects.create(username="ann")
    state = launch(
        functions.add.using(priority=3, queue_name="slow"),
        arguments=[1],
        options={"second": 2},
        request=request,
        title="One and two",
        timeout=5,
        unique_key="sum",
    )
    row = only_row()
    assert (row.owner, row.title, row.timeout, row.priority, row.queue) == (
        request.user, "One and two", 5, 3, "slow"
    )  # fmt: skip
    assert row.context["path"] == "/books/"
    assert row.options == {"arguments": [1], "keywords": {"second": 2}}
    again = launch(functions.add, arguments=[1], request=request, unique_key="sum")
    assert (again.pk, again.is_joined, [result.id for _, result in heard]) == (state.pk, True, [str(state.pk)])


def test_what_launch_is_given_wins_over_the_functions_own(configure):
    configure(queues=["default", "slow"])
    moment = timezone.now() + timedelta(days=1)
    declared = functions.add.using(priority=3, queue_name="slow")
    async_to_sync(alaunch)(declared, queue="default", priority=0, run_after=moment)
    row = only_row()
    assert (row.priority, row.queue, row.run_after) == (0, "default", moment)
    with pytest.raises(InvalidTask, match="'typo' is not valid"):
        launch(declared, queue="typo")


def test_an_owner_has_a_limit_here_too(settings, django_user_model):
    settings.BROKERLESS = settings.BROKERLESS | {"MAX_UNFINISHED_PER_OWNER": 1}
    ann = django_user_model.objects.create(username="ann")
    launch(functions.nothing, owner=ann)
    with pytest.raises(TooManyTasks):
        launch(functions.nothing, owner=ann)


def test_launch_takes_nothing_else(configure):
    configure(others={"immediate": {"BACKEND": IMMEDIATE}})
    with pytest.raises(InvalidArguments, match="a function that @task has made; not <function"):
        launch(functions.add.func)
    with pytest.raises(InvalidArguments, match=r"is for .*ImmediateBackend: have TASKS\['immediate'\] name"):
        launch(functions.add.using(backend="immediate"))
