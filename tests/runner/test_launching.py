"""Recording a task, refusing what cannot run, and starting nothing before the commit."""

from __future__ import annotations

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.db import connection, connections, transaction
from django.http import HttpResponse
from django.urls import path

from brokerless import alaunch, launch, launching
from brokerless.exceptions import InvalidArguments, UnknownCommand
from brokerless.models import TaskState
from brokerless.tick import look_after
from tests.eventually import eventually
from tests.real_processes import describe

Status = TaskState.Status


@pytest.mark.django_db
def test_the_row_holds_what_was_asked_for(dispatched, rf, django_user_model):
    request = rf.get("/books/")
    request.user = django_user_model.objects.create(username="ann")
    task = launch("probe", arguments=["succeed"], options={"directory": "/tmp"}, request=request)
    task.refresh_from_db()
    assert (task.command, task.arguments, task.options) == ("probe", ["succeed"], {"directory": "/tmp"})
    assert (task.status, task.owner, task.title, task.lease) == (Status.READY, request.user, "Probe", 0)
    assert task.context["path"] == "/books/"
    assert (task.queue, task.priority, task.run_after, task.unique_key) == ("default", 0, None, None)
    assert (task.timeout, task.memory_limit, task.nice, task.max_attempts) == (None, None, 0, 1)
    assert not task.is_joined


@pytest.mark.django_db
def test_a_named_owner_and_title_win(dispatched, rf, django_user_model):
    ann, bob = (django_user_model.objects.create(username=name) for name in ("ann", "bob"))
    request = rf.get("/")
    request.user = ann
    task = launch("probe", arguments=["succeed"], request=request, owner=bob, title="My probe")
    assert (task.owner, task.title) == (bob, "My probe")


@pytest.mark.django_db
def test_nobody_owns_what_an_anonymous_user_launches(dispatched, rf):
    request = rf.get("/")
    request.user = AnonymousUser()
    assert launch("probe", arguments=["succeed"], request=request, owner=request.user).owner is None


@pytest.mark.django_db
def test_an_unknown_command_is_refused_and_nothing_is_recorded(dispatched):
    with pytest.raises(UnknownCommand, match="no_such"):
        launch("no_such")
    assert not TaskState.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"arguments": [object()]}, "cannot be stored as JSON"),
        ({"options": {"directory": object()}}, "cannot be stored as JSON"),
        ({"options": {"directory": "a\0b"}}, "NUL"),
        ({}, "the following arguments are required: action"),
        ({"arguments": ["succeed"], "options": {"typo": 1}}, "There is no option 'typo'"),
    ],
)
def test_what_the_command_could_not_run_with_is_refused_and_nothing_is_recorded(dispatched, keywords, words):
    with pytest.raises(InvalidArguments) as raised:
        launch("probe", **keywords)
    assert words in str(raised.value)
    assert not TaskState.objects.exists()
    assert dispatched == []


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_it_is_dispatched_at_once_with_the_row_in_place(dispatched):
    launch("probe", arguments=["succeed"])
    assert dispatched == [1]


@pytest.mark.django_db(transaction=True)
def test_in_a_transaction_it_is_dispatched_after_the_commit(dispatched):
    with transaction.atomic():
        launch("probe", arguments=["succeed"])
        assert dispatched == []
    assert dispatched == [1]


@pytest.mark.django_db(transaction=True)
def test_a_rollback_leaves_nothing(dispatched):
    with transaction.atomic():
        launch("probe", arguments=["succeed"])
        transaction.set_rollback(True)
    assert dispatched == []
    assert not TaskState.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_failing_dispatch_does_not_fail_the_launch(monkeypatch, caplog):
    def fail(**_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(launching, "dispatch", fail)
    task = launch("probe", arguments=["succeed"])
    assert TaskState.objects.get().pk == task.pk
    assert "could not be dispatched" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_coroutine_launches_too(dispatched):
    async def launch_and_close():
        try:
            return await alaunch("probe", arguments=["succeed"])
        finally:
            await sync_to_async(connections.close_all)()  # that of the thread which launched

    task = asyncio.run(launch_and_close())
    assert TaskState.objects.get().pk == task.pk
    assert dispatched == [1]


@pytest.fixture
def atomic_requests(monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)


def call_view(client, view, settings):
    """Call a view through Django's request handling, which wraps it under ATOMIC_REQUESTS."""
    module = type("urls", (), {"urlpatterns": [path("view/", view)]})
    settings.ROOT_URLCONF = module
    client.raise_request_exception = False
    return client.get("/view/").status_code


@pytest.mark.system
def test_under_atomic_requests_a_view_launches_after_its_commit(processes, atomic_requests, client, settings):
    found = []

    def view(_request):
        assert connection.in_atomic_block
        found.append(processes.launch("succeed"))
        assert found[0].status == Status.READY
        return HttpResponse()

    assert call_view(client, view, settings) == 200
    ended = processes.await_end(found[0])
    assert ended.status == Status.SUCCESSFUL, describe(ended)


@pytest.mark.system
def test_under_atomic_requests_a_view_that_fails_has_launched_nothing(
    processes, atomic_requests, client, settings
):
    def view(_request):
        processes.launch("return_at_word")
        raise ValueError("after the launch")

    assert call_view(client, view, settings) == 500
    assert not TaskState.objects.exists()
    assert not processes.living()


@pytest.mark.system
def test_under_atomic_requests_a_poll_brings_a_row_to_the_truth(processes, atomic_requests, client, settings):
    task = processes.launch_elsewhere("return_at_word")
    processes.await_word("started", task)
    processes.kill(processes.read(task).monitor_pid)

    def view(_request):
        look_after(processes.read(task))
        return HttpResponse()

    def is_lost():
        assert call_view(client, view, settings) == 200
        return processes.read(task).status == Status.LOST

    eventually(is_lost)


@pytest.mark.system
def test_under_atomic_requests_a_poll_starts_what_is_ready(processes, atomic_requests, client, settings):
    task = TaskState.objects.create(command="probe", arguments=["succeed"])

    def view(_request):
        look_after(processes.read(task))
        return HttpResponse()

    def is_done():
        assert call_view(client, view, settings) == 200
        return processes.read(task).status == Status.SUCCESSFUL

    eventually(is_done)
