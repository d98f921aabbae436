"""Tasks and hosts in the admin: read by whom it is given to, cancelled, and changed by nobody."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db import OperationalError
from django.utils import timezone

from brokerless.admin import TaskStateAdmin
from brokerless.models import Host, TaskState
from tests.eventually import eventually
from tests.site.conftest import client_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse
    from django.test import Client

TASKS = "/admin/brokerless/taskstate/"
HOSTS = "/admin/brokerless/host/"
VIEW, CHANGE, DELETE = "view_taskstate", "change_taskstate", "delete_taskstate"
Status = TaskState.Status


@pytest.fixture
def admin_of(person: Callable[..., User]) -> Callable[..., Client]:
    """Return the function that gives the browser of a member of the staff with these permissions."""

    def make(*permissions: str) -> Client:
        return client_of(person("boss", *permissions, is_staff=True))

    return make


@pytest.fixture
def finished(make_task: Callable[..., TaskState], ann: User) -> TaskState:
    return make_task(
        ann,
        status=Status.FAILED,
        started_at=timezone.now() - timedelta(minutes=2),
        finished_at=timezone.now(),
        error_type="ValueError",
        error_title="<b>no</b>",
        error_detail="Traceback\n    <script>line 1</script>",
        errors=[{"attempt": 1, "title": "first <i>try</i>"}],
    )


def act(browser: Client, action: str, *tasks: TaskState, **values) -> HttpResponse:
    chosen = {"action": action, "_selected_action": [str(task.pk) for task in tasks]}
    return browser.post(TASKS, chosen | values, follow=True)


def said(response: HttpResponse) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def titles(response: HttpResponse) -> list[str]:
    return [task.title for task in response.context["cl"].result_list]


def test_the_list_says_what_and_how_far(admin_of, finished, make_task):
    make_task(title="Stopping", status=Status.RUNNING, cancel_requested_at=timezone.now())
    text = admin_of(VIEW).get(TASKS).content.decode()
    for expected in ("Books", "export_books", "Failed", "ann", "default", "2 min 0 s", "Stopping", "Cancelling"):
        assert expected in text


def test_the_list_takes_few_queries_however_many_tasks_there_are(
    admin_of, make_task, ann, django_assert_max_num_queries
):
    for _ in range(30):
        make_task(ann)
    browser = admin_of(VIEW)
    with django_assert_max_num_queries(10):
        assert len(titles(browser.get(TASKS))) == 30


def test_the_list_leaves_long_texts_in_the_database(admin_of, finished, django_assert_num_queries):
    (row,) = admin_of(VIEW).get(TASKS).context["cl"].result_list
    assert {"error_detail", "result", "options"} <= row.get_deferred_fields()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["A", "B", "C"]),
        ("?status__exact=FAILED", ["A"]),
        ("?queue=exports", ["B"]),
        ("?queue=default", ["A", "C"]),
        ("?q=load", ["C"]),
        ("?q=ann", ["A"]),
        ("?q=none", []),
        (f"?q={uuid.UUID(int=7)}", ["B"]),
        (f"?q={uuid.UUID(int=7).hex}", ["B"]),
        (f"?q={uuid.UUID(int=8)}", []),
    ],
)
def test_the_list_is_narrowed_down(admin_of, make_task, ann, query, expected):
    make_task(ann, title="A", status=Status.FAILED)
    make_task(title="B", queue="exports", pk=uuid.UUID(int=7))
    make_task(title="C", command="load_books")
    assert sorted(titles(admin_of(VIEW).get(TASKS + query))) == expected


def test_a_task_is_shown_whole_and_its_errors_as_they_are(admin_of, finished):
    response = admin_of(VIEW).get(f"{TASKS}{finished.pk}/change/")
    text = response.content.decode()
    assert "<pre>Traceback\n    &lt;script&gt;line 1&lt;/script&gt;</pre>" in text
    assert "first &lt;i&gt;try&lt;/i&gt;" in text
    assert "ValueError: &lt;b&gt;no&lt;/b&gt;" in text
    assert f'href="/tasks/{finished.pk}/"' in text
    assert not re.search(r"<(textarea|select|input)(?![^>]*(hidden|search))", text.partition('id="content"')[2])


def test_where_the_site_has_no_pages_there_is_no_link_to_them(make_task, settings):
    settings.ROOT_URLCONF = "tests.probes.urls"
    assert TaskStateAdmin(TaskState, admin.site).view_on_site(make_task()) is None


@pytest.mark.parametrize("url", [f"{TASKS}add/", f"{HOSTS}add/"])
def test_nothing_is_added_by_hand(admin_of, url):
    permissions = [f"{verb}_{model}" for verb in ("add", "change", "view") for model in ("taskstate", "host")]
    assert admin_of(*permissions).get(url).status_code == 403


def test_nothing_is_changed_by_hand(admin_of, finished):
    host = Host.objects.create(name="web1")
    browser = admin_of(VIEW, CHANGE, "view_host", "change_host")
    values = {"status": "SUCCESSFUL", "title": "Mine", "name": "Mine"}
    for url in (f"{TASKS}{finished.pk}/change/", f"{HOSTS}{host.pk}/change/"):
        assert browser.get(url).status_code == 200
        assert browser.post(url, values).status_code == 403
    finished.refresh_from_db()
    assert (finished.status, finished.title, Host.objects.get().name) == (Status.FAILED, "Books", "web1")


@pytest.mark.parametrize("url", [TASKS, HOSTS])
def test_without_a_permission_nothing_is_shown(admin_of, url):
    assert admin_of("view_book").get(url).status_code == 403


def test_cancelling_says_how_many_were_asked_and_how_many_were_late(admin_of, make_task, finished):
    ready, running = make_task(), make_task(status=Status.RUNNING, host="elsewhere")
    response = act(admin_of(VIEW, CHANGE), "cancel_selected", ready, running, finished)
    assert said(response) == ["2 tasks are being cancelled.", "1 task was finished already."]
    ready.refresh_from_db()
    running.refresh_from_db()
    assert (ready.status, running.status, running.is_cancelling) == (Status.CANCELLED, Status.RUNNING, True)
    assert {ready.cancel_requested_by.username, running.cancel_requested_by.username} == {"boss"}


def test_one_alone_is_said_as_one(admin_of, make_task):
    assert said(act(admin_of(VIEW, CHANGE), "cancel_selected", make_task())) == ["1 task is being cancelled."]


def test_all_that_match_are_cancelled_however_many_pages_they_fill(admin_of, make_task, monkeypatch):
    monkeypatch.setattr(TaskStateAdmin, "list_per_page", 2)
    tasks = [make_task() for _ in range(5)]
    response = act(admin_of(VIEW, CHANGE), "cancel_selected", tasks[0], select_across="1")
    assert said(response) == ["5 tasks are being cancelled."]


def test_one_that_cannot_be_asked_does_not_keep_the_others_from_it(admin_of, make_task, monkeypatch):
    locked, other = make_task(title="Locked"), make_task(title="Other")
    real = TaskState.cancel

    def cancel(task, **keywords):
        if task == locked:
            raise OperationalError("database is locked")
        return real(task, **keywords)

    monkeypatch.setattr(TaskState, "cancel", cancel)
    response = act(admin_of(VIEW, CHANGE), "cancel_selected", locked, other)
    assert said(response) == [
        "1 task is being cancelled.",
        "A task could not be cancelled. Locked: database is locked",
    ]


def test_one_that_ends_meanwhile_counts_as_finished(admin_of, make_task, monkeypatch):
    monkeypatch.setattr(TaskState, "cancel", lambda *_, **__: False)
    response = act(admin_of(VIEW, CHANGE), "cancel_selected", make_task(), make_task())
    assert said(response) == ["2 tasks were finished already."]


def test_to_view_is_not_to_cancel(admin_of, make_task):
    task = make_task()
    browser = admin_of(VIEW)
    assert "cancel_selected" not in browser.get(TASKS).content.decode()
    act(browser, "cancel_selected", task)
    task.refresh_from_db()
    assert (task.status, task.cancel_requested_at) == (Status.READY, None)


def test_a_finished_task_is_deleted_with_the_permission(admin_of, finished):
    browser = admin_of(VIEW, DELETE)
    assert browser.post(f"{TASKS}{finished.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not TaskState.objects.exists()


def test_a_finished_task_is_not_deleted_without(admin_of, finished):
    browser = admin_of(VIEW, CHANGE)
    assert browser.post(f"{TASKS}{finished.pk}/delete/", {"post": "yes"}).status_code == 403
    act(browser, "delete_selected", finished, post="yes")
    assert TaskState.objects.exists()


@pytest.mark.parametrize("status", sorted(TaskState.UNFINISHED))
def test_an_unfinished_task_is_not_deleted(admin_of, make_task, status):
    task = make_task(status=status)
    assert admin_of(VIEW, DELETE).post(f"{TASKS}{task.pk}/delete/", {"post": "yes"}).status_code == 403
    assert TaskState.objects.exists()


def test_of_several_that_are_to_be_deleted_the_unfinished_are_named(admin_of, make_task, finished):
    running = make_task(title="Still going", status=Status.RUNNING)
    browser = admin_of(VIEW, DELETE)
    text = act(browser, "delete_selected", finished, running).content.decode()
    assert "Still going (Running)" in text
    assert "have permission" not in text
    act(browser, "delete_selected", finished, running, post="yes")
    assert TaskState.objects.count() == 2
    act(browser, "delete_selected", finished, post="yes")
    assert TaskState.objects.get() == running


def test_one_that_was_launched_since_the_confirmation_is_not_deleted(finished, make_task):
    running = make_task(status=Status.RUNNING)
    TaskStateAdmin(TaskState, admin.site).delete_queryset(None, TaskState.objects.all())
    assert TaskState.objects.get() == running


def test_hosts_are_shown_with_their_pauses_and_kept(admin_of):
    host = Host.objects.create(name="web1/boot/4026", paused_at=timezone.now())
    browser = admin_of("view_host", "change_host", "delete_host")
    assert "web1/boot/4026" in browser.get(HOSTS).content.decode()
    assert browser.post(f"{HOSTS}{host.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Host.objects.get().paused_at


@pytest.mark.system
def test_a_running_command_is_stopped_from_the_admin(processes):
    boss = User.objects.create(username="boss", is_staff=True)
    boss.user_permissions.set(Permission.objects.filter(codename__in=[VIEW, CHANGE]))
    task = processes.launch_and_await_word("clean_up_on_term")

    response = act(client_of(boss), "cancel_selected", task)

    assert said(response) == ["1 task is being cancelled."]
    ended = processes.await_end(task)
    assert (ended.status, ended.cancel_requested_by) == (Status.CANCELLED, boss)
    assert processes.has_heard("cleaned")
    eventually(lambda: not processes.living(), why="every process of the task has ended")
