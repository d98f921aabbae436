"""The page of one task in the admin: its buttons, of which none is a link, and its log."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from django.contrib.admin.models import LogEntry
from django.test import override_settings
from django.utils import timezone

from brokerless.dashboard.selected_words import done_already
from brokerless.models import TaskState
from tests.site.admin_parts import CANCEL, CHANGE, DELETE, RETRY, TASKS, VIEW, hidden, said
from tests.site.conftest import client_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User

Status = TaskState.Status


@pytest.fixture
def finished(make_task: Callable[..., TaskState], ann: User) -> TaskState:
    now = timezone.now()
    return make_task(ann, status=Status.FAILED, started_at=now, finished_at=now)


@pytest.mark.parametrize("name", ["cancel", "retry"])
def test_nothing_is_done_by_a_link(admin_of, finished, name):
    assert admin_of(VIEW, CANCEL, RETRY).get(f"{TASKS}{finished.pk}/{name}/").status_code == 405
    assert TaskState.objects.count() == 1


@pytest.mark.parametrize("name", ["cancel", "retry"])
def test_nothing_is_done_without_the_forms_token(person, finished, name):
    browser = client_of(person("boss", VIEW, CANCEL, RETRY, is_staff=True), enforce_csrf_checks=True)
    assert browser.post(f"{TASKS}{finished.pk}/{name}/").status_code == 403
    assert TaskState.objects.count() == 1


def test_a_task_is_cancelled_on_its_page(admin_of, make_task):
    task = make_task()
    url, browser = f"{TASKS}{task.pk}/cancel/", admin_of(VIEW, CANCEL)
    assert f'action="{url}"' in browser.get(f"{TASKS}{task.pk}/change/").content.decode()
    response = browser.post(url, follow=True)
    assert said(response) == ["1 task is being cancelled."]
    assert f'action="{url}"' not in response.content.decode()
    task.refresh_from_db()
    assert task.status == Status.CANCELLED
    assert LogEntry.objects.get().get_change_message() == "Cancelled."
    assert said(browser.post(url, follow=True)) == ["Finished already."]


def test_a_task_is_retried_on_its_page_which_leads_to_the_new_one(admin_of, finished):
    url, browser = f"{TASKS}{finished.pk}/retry/", admin_of(VIEW, RETRY)
    assert f'action="{url}"' in browser.get(f"{TASKS}{finished.pk}/change/").content.decode()
    response = browser.post(url)
    again = TaskState.objects.get(retry_of=finished)
    assert response["Location"] == f"{TASKS}{again.pk}/change/"


def test_a_button_that_is_pressed_twice_retries_once(admin_of, finished):
    url, browser = f"{TASKS}{finished.pk}/retry/", admin_of(VIEW, RETRY)
    sent = hidden(browser.get(f"{TASKS}{finished.pk}/change/"))
    browser.post(url, sent)
    assert said(browser.post(url, sent, follow=True))[-1] == str(done_already())
    assert TaskState.objects.filter(retry_of=finished).count() == 1


@pytest.mark.parametrize(
    ("name", "permissions"), [("cancel", (VIEW, RETRY)), ("retry", (VIEW, CANCEL)), ("retry", (RETRY,))]
)
def test_a_button_takes_its_own_permission_and_that_to_see(admin_of, finished, make_task, name, permissions):
    task = finished if name == "retry" else make_task()
    browser = admin_of(*permissions, CHANGE, DELETE)
    assert f"/{name}/" not in browser.get(f"{TASKS}{task.pk}/change/").content.decode()
    assert browser.post(f"{TASKS}{task.pk}/{name}/").status_code == 403
    task.refresh_from_db()
    assert (task.cancel_requested_at, TaskState.objects.filter(retry_of=task).count()) == (None, 0)


@pytest.mark.parametrize("name", ["cancel", "retry"])
def test_a_task_that_is_gone_is_not_found(admin_of, name):
    assert admin_of(VIEW, CANCEL, RETRY).post(f"{TASKS}{uuid.uuid4()}/{name}/").status_code == 404


def test_the_end_of_the_log_is_shown_as_it_is_and_the_whole_has_an_address(admin_of, finished, make_log):
    make_log(finished, "first\n" + "x" * 9_000 + "\n<script>last</script>\n")
    browser = admin_of(VIEW)
    with override_settings(ROOT_URLCONF="tests.probes.admin_urls"):
        text = browser.get(f"{TASKS}{finished.pk}/change/").content.decode()
        assert "&lt;script&gt;last" in text
        assert "first" not in text
        url = f"{TASKS}{finished.pk}/log/"
        assert f'href="{url}"' in text
        response = browser.get(url)
        assert response["Content-Type"].startswith("text/plain")
        assert response.content.decode().startswith("first")
        assert browser.post(url).status_code == 405


@pytest.mark.parametrize("wrong", ["attempt=x", "attempt=7", "offset=-1", f"offset={'9' * 30}"])
def test_a_piece_of_a_log_that_there_is_not_is_not_found(admin_of, finished, wrong):
    assert admin_of(VIEW).get(f"{TASKS}{finished.pk}/log/?{wrong}").status_code == 404


def test_a_log_elsewhere_is_said_to_be_there(admin_of, finished):
    TaskState.objects.update(host="web2/boot/1")
    browser = admin_of(VIEW)
    assert "it lies on the host web2" in browser.get(f"{TASKS}{finished.pk}/change/").content.decode()
    assert said(browser.get(f"{TASKS}{finished.pk}/log/", follow=True)) == [
        "The log is not here: it lies on the host web2."
    ]
