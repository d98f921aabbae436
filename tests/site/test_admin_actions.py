"""What staff do with selected tasks in the admin, each action with a permission of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import OperationalError
from django.utils import timezone

from brokerless.admin import task_actions
from brokerless.admin.tasks import TaskStateAdmin
from brokerless.dashboard.selected_words import done_already
from brokerless.models import TaskState
from tests.eventually import eventually
from tests.site.admin_parts import CANCEL, CHANGE, DELETE, RETRY, TASKS, VIEW, act, hidden, said
from tests.site.conftest import client_of

if TYPE_CHECKING:
    from collections.abc import Callable

Status = TaskState.Status


@pytest.fixture
def finished(make_task: Callable[..., TaskState], ann: User) -> TaskState:
    now = timezone.now()
    return make_task(ann, status=Status.FAILED, started_at=now, finished_at=now)


def test_cancelling_says_how_many_were_asked_and_how_many_were_late(admin_of, make_task, finished):
    ready, running = make_task(), make_task(status=Status.RUNNING, host="elsewhere")
    response = act(admin_of(VIEW, CANCEL), "cancel_selected", ready, running, finished)
    assert said(response) == ["2 tasks are being cancelled.", "Books: Finished already."]
    ready.refresh_from_db()
    running.refresh_from_db()
    assert (ready.status, running.status, running.is_cancelling) == (Status.CANCELLED, Status.RUNNING, True)
    assert {ready.cancel_requested_by.username, running.cancel_requested_by.username} == {"boss"}


def test_however_many_are_late_they_are_one_message(admin_of, make_task):
    now = timezone.now()
    late = [make_task(status=Status.FAILED, started_at=now, finished_at=now) for _ in range(11)]
    response = act(admin_of(VIEW, CANCEL), "cancel_selected", *late)
    assert said(response) == ["11 tasks were left out. Finished already: Books ×11."]


def test_one_alone_is_said_as_one(admin_of, make_task):
    assert said(act(admin_of(VIEW, CANCEL), "cancel_selected", make_task())) == ["1 task is being cancelled."]


def test_all_that_match_are_cancelled_however_many_pages_they_fill(admin_of, make_task, monkeypatch):
    monkeypatch.setattr(TaskStateAdmin, "list_per_page", 2)
    tasks = [make_task() for _ in range(5)]
    response = act(admin_of(VIEW, CANCEL), "cancel_selected", tasks[0], select_across="1")
    assert said(response) == ["5 tasks are being cancelled."]


def test_one_that_cannot_be_asked_does_not_keep_the_others_from_it(admin_of, make_task, monkeypatch):
    locked, other = make_task(title="Locked"), make_task(title="Other")
    real = TaskState.cancel

    def cancel(task, **keywords):
        if task == locked:
            raise OperationalError("database is locked")
        return real(task, **keywords)

    monkeypatch.setattr(TaskState, "cancel", cancel)
    response = act(admin_of(VIEW, CANCEL), "cancel_selected", locked, other)
    assert said(response) == [
        "1 task is being cancelled.",
        "Locked: database is locked",
    ]


def test_one_that_ends_meanwhile_counts_as_finished(admin_of, make_task, monkeypatch):
    monkeypatch.setattr(TaskState, "cancel", lambda *_, **__: False)
    response = act(admin_of(VIEW, CANCEL), "cancel_selected", make_task(), make_task())
    assert said(response) == ["2 tasks were left out. Finished already: Books ×2."]


def test_to_view_is_not_to_cancel(admin_of, make_task):
    task = make_task()
    browser = admin_of(VIEW, CHANGE, RETRY, DELETE)
    assert "cancel_selected" not in browser.get(TASKS).content.decode()
    act(browser, "cancel_selected", task)
    task.refresh_from_db()
    assert (task.status, task.cancel_requested_at) == (Status.READY, None)


def test_retrying_asks_first_and_then_says_how_many(admin_of, make_task, finished):
    running = make_task(title="Still going", status=Status.RUNNING)
    browser = admin_of(VIEW, RETRY)
    asked = act(browser, "retry_selected", finished, running).content.decode()
    assert "Retry 1 task?" in asked
    assert "Still going (Running): Not finished yet." in asked
    assert TaskState.objects.count() == 2
    response = act(browser, "retry_selected", finished, running, post="yes")
    assert said(response) == ["1 task is being retried.", "Still going: Not finished yet."]
    assert TaskState.objects.get(retry_of=finished).owner == finished.owner


def test_a_confirmation_that_is_sent_twice_retries_once(admin_of, finished, monkeypatch):
    browser = admin_of(VIEW, RETRY)
    sent = hidden(act(browser, "retry_selected", finished))
    browser.post(TASKS, sent)
    assert said(browser.post(TASKS, sent, follow=True))[-1] == str(done_already())
    assert (TaskState.objects.count(), LogEntry.objects.count()) == (2, 2)
    # Nor do two at the same moment, of which neither knows of the other.
    monkeypatch.setattr("brokerless.once.take", lambda request: True)
    browser.post(TASKS, sent)
    assert (TaskState.objects.count(), LogEntry.objects.count()) == (2, 2)
    # To ask anew is to do it again.
    browser.post(TASKS, hidden(act(browser, "retry_selected", finished)))
    assert TaskState.objects.count() == 3


def test_to_cancel_is_not_to_retry(admin_of, finished):
    browser = admin_of(VIEW, CHANGE, CANCEL, DELETE)
    assert "retry_selected" not in browser.get(TASKS).content.decode()
    act(browser, "retry_selected", finished, post="yes")
    assert TaskState.objects.count() == 1


@pytest.mark.parametrize(("action", "permission"), [("retry", RETRY), ("cancel", CANCEL), ("delete", DELETE)])
def test_more_than_a_request_should_do_is_refused(admin_of, make_task, finished, monkeypatch, action, permission):
    monkeypatch.setitem(task_actions.MOST, action, 1)
    make_task()
    response = act(admin_of(VIEW, permission), f"{action}_selected", finished, select_across="1", post="yes")
    assert said(response) == ["At most 1 task at once: narrow the list down with filters."]
    assert set(TaskState.objects.values_list("status", flat=True)) == {Status.FAILED, Status.READY}


def test_as_many_as_are_allowed_are_confirmed_at_once(admin_of, site):
    number = task_actions.MOST["delete"]
    made = TaskState.objects.bulk_create(
        TaskState(command="export_books", status=Status.FAILED) for _ in range(number)
    )
    browser = admin_of(VIEW, DELETE)
    sent = hidden(act(browser, "delete_selected", made[0], select_across="1"))
    assert len(sent["_selected_action"]) == number
    response = browser.post(TASKS, sent | {"csrfmiddlewaretoken": "x"}, follow=True)
    assert said(response) == [f"{number} tasks were deleted."]


def test_before_it_deletes_a_page_says_what_goes_with_a_task(admin_of, finished):
    browser = admin_of(VIEW, DELETE)
    for text in (
        act(browser, "delete_selected", finished).content.decode(),
        browser.get(f"{TASKS}{finished.pk}/delete/").content.decode(),
    ):
        assert "the files that" in text
        assert "links to these files that were mailed lead nowhere" in text


def test_the_history_has_no_deletion_of_what_is_still_there(admin_of, finished, monkeypatch):
    def refuse(_tasks):
        raise OSError("no space")

    browser, url = admin_of(VIEW, DELETE), f"{TASKS}{finished.pk}/delete/"
    with monkeypatch.context() as patched:
        patched.setattr("brokerless.dashboard.actions.remove", refuse)
        response = browser.post(url, {"post": "yes"}, follow=True)
    assert response.redirect_chain == [(f"{TASKS}{finished.pk}/change/", 302)]
    assert "Books: no space" in said(response)
    assert not LogEntry.objects.exists()
    browser.post(url, {"post": "yes"})
    assert LogEntry.objects.get().is_deletion()


def test_a_finished_task_is_deleted_with_its_log(admin_of, finished, make_log, django_capture_on_commit_callbacks):
    directory = make_log(finished)
    browser = admin_of(VIEW, DELETE)
    with django_capture_on_commit_callbacks(execute=True):
        assert browser.post(f"{TASKS}{finished.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not TaskState.objects.exists()
    assert not directory.exists()


def test_a_finished_task_is_not_deleted_without_the_permission(admin_of, finished):
    browser = admin_of(VIEW, CHANGE, CANCEL, RETRY)
    assert browser.post(f"{TASKS}{finished.pk}/delete/", {"post": "yes"}).status_code == 403
    act(browser, "delete_selected", finished, post="yes")
    assert TaskState.objects.exists()


@pytest.mark.parametrize("status", sorted(TaskState.UNFINISHED))
def test_an_unfinished_task_is_not_deleted(admin_of, make_task, status):
    task = make_task(status=status)
    assert admin_of(VIEW, DELETE).post(f"{TASKS}{task.pk}/delete/", {"post": "yes"}).status_code == 403
    assert TaskState.objects.exists()


def test_of_several_that_are_to_be_deleted_the_unfinished_are_named_and_stay(
    admin_of, make_task, finished, make_log, django_capture_on_commit_callbacks
):
    directory = make_log(finished)
    running = make_task(title="Still going", status=Status.RUNNING)
    browser = admin_of(VIEW, DELETE)
    text = act(browser, "delete_selected", finished, running).content.decode()
    assert "Still going (Running): Not finished yet." in text
    assert TaskState.objects.count() == 2
    with django_capture_on_commit_callbacks(execute=True):
        response = act(browser, "delete_selected", finished, running, post="yes")
    assert said(response) == ["1 task was deleted.", "Still going: Not finished yet."]
    assert TaskState.objects.get() == running
    assert not directory.exists()
    assert LogEntry.objects.get().is_deletion()


def test_one_that_was_launched_since_the_confirmation_is_not_deleted(finished, make_task, rf, staff, monkeypatch):
    running = make_task(status=Status.RUNNING)
    monkeypatch.setattr(TaskStateAdmin, "message_user", lambda *_: None)
    staff.user_permissions.add(*Permission.objects.filter(codename__in=[VIEW, DELETE]))
    request = rf.post("/")
    request.user = staff
    TaskStateAdmin(TaskState, admin.site).delete_queryset(request, TaskState.objects.all())
    assert TaskState.objects.get() == running


@pytest.mark.system
def test_a_running_command_is_stopped_from_the_admin(processes):
    boss = User.objects.create(username="boss", is_staff=True)
    boss.user_permissions.set(Permission.objects.filter(codename__in=[VIEW, CANCEL]))
    task = processes.launch_and_await_word("clean_up_on_term")

    response = act(client_of(boss), "cancel_selected", task)

    assert said(response) == ["1 task is being cancelled."]
    ended = processes.await_end(task)
    assert (ended.status, ended.cancel_requested_by) == (Status.CANCELLED, boss)
    assert processes.has_heard("cleaned")
    eventually(lambda: not processes.living(), why="every process of the task has ended")
