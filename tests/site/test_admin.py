"""Tasks and hosts in the admin: read by whom it is given to, and changed by nobody."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib import admin
from django.test import override_settings
from django.utils import timezone

from brokerless.admin.tasks import TaskStateAdmin
from brokerless.models import Host, TaskState
from tests.site.admin_parts import CHANGE, HOSTS, TASKS, VIEW, titles

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User

Status = TaskState.Status


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
        ("", ["A", "B", "C", "D"]),
        ("?status__exact=FAILED", ["A"]),
        ("?status=FAILED", ["A"]),
        ("?status=unfinished", ["B", "C"]),
        ("?status=cancelling", ["C"]),
        ("?command=load_books", ["C"]),
        ("?owned=somebody", ["A"]),
        ("?owned=nobody", ["B", "C", "D"]),
        ("?owned=mine", []),
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
    make_task(title="C", command="load_books", cancel_requested_at=timezone.now())
    make_task(title="D", status=Status.CANCELLED, cancel_requested_at=timezone.now(), queue="other")
    assert sorted(titles(admin_of(VIEW).get(TASKS + query))) == expected


def test_only_what_an_index_sorts_can_be_sorted_by(admin_of, finished):
    response = admin_of(VIEW).get(f"{TASKS}?o=2")  # the status
    assert re.findall(r'class="sortable column-(\w+)', response.content.decode()) == ["created"]
    assert "status" not in response.context["cl"].queryset.query.order_by


def test_a_task_is_shown_whole_and_its_errors_as_they_are(admin_of, finished):
    response = admin_of(VIEW).get(f"{TASKS}{finished.pk}/change/")
    text = response.content.decode()
    assert "Traceback\n    &lt;script&gt;line 1&lt;/script&gt;</pre>" in text
    assert "first &lt;i&gt;try&lt;/i&gt;" in text
    assert "ValueError: &lt;b&gt;no&lt;/b&gt;" in text
    assert f'href="/tasks/{finished.pk}/"' in text
    assert not re.search(r"<(textarea|select|input)(?![^>]*(hidden|search))", text.partition('id="content"')[2])


def test_where_the_site_has_no_pages_the_admin_does_without(admin_of, make_task):
    task = make_task(status=Status.RUNNING)
    with override_settings(ROOT_URLCONF="tests.probes.admin_urls"):
        assert TaskStateAdmin(TaskState, admin.site).view_on_site(task) is None
        browser = admin_of(VIEW)
        for url in (TASKS, f"{TASKS}{task.pk}/change/"):
            text = browser.get(url).content.decode()
            assert "Running" in text
            assert "<task-status" not in text
            assert "/tasks/" not in text


def test_a_status_is_kept_true_by_the_page_itself(admin_of, make_task):
    task = make_task(status=Status.RUNNING, progress_current=9, progress_total=20)
    browser = admin_of(VIEW)
    for url in (TASKS, f"{TASKS}{task.pk}/change/"):
        text = browser.get(url).content.decode()
        element = re.search(r"<task-status [^>]*>[^<]*", text)[0]
        assert f'data-task="{task.pk}"' in element
        assert 'data-url="/tasks/status' in element
        assert element.endswith(">Running 45 %")
        assert re.search(r'<script src="[^"]*brokerless/tasks\.js" type="module">', text)
        assert f'data-duration="{task.pk}"' in text


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


def test_hosts_are_shown_with_their_pauses_and_kept(admin_of):
    host = Host.objects.create(name="web1/boot/4026", paused_at=timezone.now())
    browser = admin_of("view_host", "change_host", "delete_host")
    assert "web1/boot/4026" in browser.get(HOSTS).content.decode()
    assert browser.post(f"{HOSTS}{host.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Host.objects.get().paused_at


def test_no_page_of_the_admin_has_a_script_or_a_style_within_it(admin_of, finished):
    browser = admin_of(VIEW, CHANGE)
    for url in (TASKS, f"{TASKS}{finished.pk}/change/"):
        text = browser.get(url).content.decode()
        assert not re.search(r"<style|<script(?![^>]*\bsrc=)(?![^>]*application/json)|\sstyle=|\son\w+=", text)


@pytest.mark.parametrize("url", [TASKS, f"{TASKS}{uuid.UUID(int=1)}/change/", f"{TASKS}{uuid.UUID(int=1)}/log/"])
def test_to_act_is_not_to_see(admin_of, make_task, url):
    make_task(pk=uuid.UUID(int=1))
    assert admin_of(CHANGE, "cancel_taskstate").get(url).status_code == 403
    assert admin_of(VIEW, name="other").get(url).status_code == 200
