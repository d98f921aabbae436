"""Five clicks make one export, and nobody fills the queue: what the launching views answer."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from brokerless.models import TaskState
from tests.site.test_export_request import URL, post_json

Status = TaskState.Status


def test_five_clicks_make_one_export(browser):
    answers = [browser.post(URL, {"language": "eng"}) for _ in range(5)]
    task = TaskState.objects.get()
    assert {answer.url for answer in answers} == {f"/tasks/{task.pk}/"}
    page = browser.get(answers[0].url).content.decode()
    assert page.count("We have your request.") == 1
    assert page.count("This file is being made already") == 4


def test_filters_in_another_order_are_the_same_export(program):
    post_json(program, {"language": "eng", "published_after": 1900})
    post_json(program, {"published_after": "1900", "language": "eng"})
    assert TaskState.objects.count() == 1


@pytest.mark.parametrize("other", [{"language": "fre"}, {}, {"language": "eng", "email_me": True}])
def test_another_wish_is_another_export(program, other):
    post_json(program, {"language": "eng"})
    assert post_json(program, other).status_code == HTTPStatus.ACCEPTED
    assert TaskState.objects.count() == 2


def test_somebody_else_s_wish_is_another_export(program, program_of, bob):
    first = post_json(program, {"language": "eng"}).json()["id"]
    assert post_json(program_of(bob), {"language": "eng"}).json()["id"] != first


def test_a_finished_export_is_made_anew(program):
    task = TaskState.objects.get(pk=post_json(program, {}).json()["id"])
    assert task.cancel()
    assert post_json(program, {}).json()["id"] != str(task.pk)


def test_exports_wait_in_the_queue_of_the_settings(program):
    post_json(program, {})
    task = TaskState.objects.get()
    assert (task.queue, task.timeout) == ("exports", 3600)


@pytest.fixture
def one_allowed(settings):
    settings.BROKERLESS = settings.BROKERLESS | {"MAX_UNFINISHED_PER_OWNER": 1}


def test_too_many_unfinished_tasks_are_refused_to_a_program(program, one_allowed):
    post_json(program, {})
    refused = post_json(program, {"language": "eng"})
    assert refused.status_code == HTTPStatus.TOO_MANY_REQUESTS
    assert refused["Content-Type"] == "application/problem+json"
    assert "You have 1 unfinished task," in refused.json()["detail"]
    assert int(refused["Retry-After"]) > 0
    assert TaskState.objects.count() == 1


@pytest.mark.parametrize(
    ("url", "data"),
    [(URL, {"language": "eng"}), ("/books/generate/", {"count": 10}), ("/authors/recompute/", {})],
)
def test_too_many_unfinished_tasks_are_refused_to_a_person(browser, one_allowed, url, data):
    browser.post(URL, {})
    refused = browser.post(url, data)
    assert refused.status_code == HTTPStatus.TOO_MANY_REQUESTS
    assert "Wait until it has ended, or cancel it." in refused.content.decode()
    assert TaskState.objects.count() == 1


def test_whoever_asks_for_the_same_again_is_not_refused(program, one_allowed):
    assert [post_json(program, {}).status_code for _ in range(2)] == [HTTPStatus.ACCEPTED] * 2


def test_a_finished_task_makes_room(program, one_allowed):
    TaskState.objects.get(pk=post_json(program, {}).json()["id"]).cancel()
    assert post_json(program, {"language": "eng"}).status_code == HTTPStatus.ACCEPTED


def test_somebody_else_s_tasks_are_not_counted(program, program_of, bob, one_allowed):
    post_json(program, {})
    assert post_json(program_of(bob), {}).status_code == HTTPStatus.ACCEPTED
