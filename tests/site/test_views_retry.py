"""`POST /tasks/<id>/retry`: the same once more, as a new task."""

from __future__ import annotations

import pytest

from brokerless.models import TaskState

Status = TaskState.Status


@pytest.fixture
def failed(make_task, ann) -> TaskState:
    return make_task(ann, status=Status.FAILED, options={"language": "eng"})


def retry_of(task) -> TaskState:
    return TaskState.objects.get(retry_of=task)


def url_of(task) -> str:
    return f"/tasks/{task.pk}/retry"


def test_a_browser_is_led_to_the_new_task_and_told_so(browser, failed):
    response = browser.post(url_of(failed))
    again = retry_of(failed)
    assert (response.status_code, response.url) == (303, f"/tasks/{again.pk}/")
    assert "We have your request." in browser.get(response.url).content.decode()
    assert (again.status, again.options, again.owner) == (Status.READY, {"language": "eng"}, failed.owner)


def test_a_program_is_given_the_new_task(program, failed):
    response = program.post(url_of(failed))
    again = retry_of(failed)
    assert (response.status_code, response["Location"]) == (202, f"/tasks/{again.pk}/")
    assert int(response["Retry-After"]) >= 1
    assert (response.json()["id"], response.json()["status"]) == (str(again.pk), "READY")
    assert "cancel" in response.json()["links"]


@pytest.mark.parametrize("status", sorted(Status))
def test_only_what_has_ended_is_offered_and_done_again(program, make_task, ann, status):
    task = make_task(ann, status=status)
    is_finished = status in TaskState.FINISHED
    assert ("retry" in program.get(f"/tasks/{task.pk}/").json()["links"]) is is_finished
    response = program.post(url_of(task))
    assert response.status_code == (202 if is_finished else 409)
    assert TaskState.objects.count() == (2 if is_finished else 1)
    if not is_finished:
        assert response.json()["detail"].startswith("The task is not finished yet")


def test_somebody_else_s_task_is_not_found(program_of, bob, failed):
    assert program_of(bob).post(url_of(failed)).status_code == 404
    assert TaskState.objects.count() == 1


@pytest.mark.parametrize(
    ("permissions", "status"),
    [
        (["view_taskstate"], 403),
        (["view_taskstate", "change_taskstate", "cancel_taskstate"], 403),
        (["view_taskstate", "retry_taskstate"], 202),
    ],
)
def test_staff_need_the_permission_to_retry(person, program_of, failed, permissions, status):
    response = program_of(person("operator", *permissions, is_staff=True)).post(url_of(failed))
    assert response.status_code == status
    if status == 202:
        assert retry_of(failed).owner == failed.owner  # who may see it, and what it made
    else:
        assert TaskState.objects.count() == 1


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"command": "gone_with_the_release"}, "There is no management command"),
        ({"options": {"no_such": 1}}, "There is no option"),
        ({"queue": "gone"}, "gone"),
    ],
)
def test_what_the_code_of_today_does_not_know_is_a_conflict_in_words(program, make_task, ann, values, words):
    response = program.post(url_of(make_task(ann, status=Status.FAILED, **values)))
    assert response.status_code == response.json()["status"] == 409
    assert words in response.json()["detail"]
    assert TaskState.objects.count() == 1


@pytest.mark.parametrize(("who", "words"), [("ann", "You have 1 "), ("operator", "The owner has 1 ")])
def test_who_has_too_many_tasks_gets_none_more(settings, person, program_of, make_task, ann, failed, who, words):
    settings.BROKERLESS = settings.BROKERLESS | {"MAX_UNFINISHED_PER_OWNER": 1}
    make_task(ann)
    allowed = ["view_taskstate", "retry_taskstate"]
    user = ann if who == "ann" else person("operator", *allowed, is_staff=True)
    response = program_of(user).post(url_of(failed))
    assert (response.status_code, response["Retry-After"]) == (429, "30")
    assert response.json()["detail"].startswith(words)


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_to_retry_is_to_post(browser, failed, method):
    response = browser.generic(method, url_of(failed))
    assert (response.status_code, response["Allow"]) == (405, "POST")


def test_it_needs_the_csrf_token_and_a_login(ann, browser_of, visitor, failed):
    assert browser_of(ann, enforce_csrf_checks=True).post(url_of(failed)).status_code == 403
    assert visitor.post(url_of(failed)).url == f"/login/?next=/tasks/{failed.pk}/"
    assert TaskState.objects.count() == 1


def test_who_presses_twice_is_led_to_what_is_on_the_way_and_later_to_another(browser, failed):
    first, second = browser.post(url_of(failed)), browser.post(url_of(failed))
    again = retry_of(failed)
    assert first.url == second.url == f"/tasks/{again.pk}/"
    TaskState.objects.filter(pk=again.pk).update(status=Status.FAILED, unique_key=None)
    assert browser.post(url_of(failed)).url != first.url


def test_a_task_that_has_ended_unnoticed_can_be_retried(program, make_task, ann, monkeypatch):
    def look_after(task):
        TaskState.objects.filter(pk=task.pk).update(status=Status.LOST)
        task.refresh_from_db()
        return task

    monkeypatch.setattr("brokerless.views.look_after", look_after)
    assert program.post(url_of(make_task(ann, status=Status.RUNNING))).status_code == 202
