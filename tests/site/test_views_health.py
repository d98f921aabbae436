"""The health URL: what it answers to whom, and that it always answers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.db import OperationalError, connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from brokerless.models import Host, TaskState

HEALTH = "/tasks/health/"
LOST = "1 task was lost within the last hour."


@pytest.fixture
def lost(make_task):
    """Make a task that was lost a moment ago."""
    Host.objects.create(name="elsewhere")
    return make_task(status=TaskState.Status.LOST, host="elsewhere", finished_at=timezone.now())


@pytest.fixture
def operator(staff):
    """Somebody of the staff who may see every task."""
    staff.user_permissions.add(Permission.objects.get(codename="view_taskstate"))
    return staff


def test_it_lies_where_no_task_can(site):
    assert reverse("brokerless:health") == HEALTH


def test_without_a_login_it_says_ok_and_nothing_more(visitor):
    answer = visitor.get(HEALTH)
    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["Cache-Control"] == "no-store"
    assert set(answer["Vary"].split(", ")) >= {"Accept", "Cookie"}


def test_what_is_not_well_is_503_and_no_secret_is_told(visitor, lost):
    answer = visitor.get(HEALTH)
    assert (answer.status_code, answer.content) == (503, b"not ok\n")


def test_programs_get_json(program_of, lost):
    answer = program_of(None).get(HEALTH)
    assert (answer.status_code, answer.json()) == (503, {"healthy": False})
    lost.delete()
    answer = program_of(None).get(HEALTH)
    assert (answer.status_code, answer.json()) == (200, {"healthy": True})


def test_staff_who_may_see_every_task_read_what_is_not_well(browser_of, program_of, operator, lost):
    assert browser_of(operator).get(HEALTH).content.decode() == f"not ok\n{LOST}\n"
    found = {"name": "lost", "text": LOST, "notice": False}
    assert program_of(operator).get(HEALTH).json() == {"healthy": False, "problems": [found]}


def test_a_notice_is_200_and_told_to_them_alone(browser_of, visitor, operator, make_task):
    Host.objects.create(name=Host.EVERYWHERE, paused_at=timezone.now())
    make_task(created_at=timezone.now() - timedelta(minutes=2))
    assert visitor.get(HEALTH).content == b"ok\n"
    answer = browser_of(operator).get(HEALTH)
    assert answer.status_code == 200
    assert answer.content.startswith(b"ok\nAll hosts are paused")


def test_other_staff_and_users_read_no_more_than_anybody(browser_of, staff, ann, lost):
    ann.user_permissions.add(Permission.objects.get(codename="view_taskstate"))
    assert browser_of(staff).get(HEALTH).content == b"not ok\n"
    assert browser_of(ann).get(HEALTH).content == b"not ok\n"


def test_it_needs_no_login_where_every_page_does(visitor, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    assert visitor.get("/tasks/").status_code == 302
    assert visitor.get(HEALTH).status_code == 200


def test_it_works_without_sessions_and_users(site, settings, lost):
    settings.MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
    answer = Client().get(HEALTH)
    assert (answer.status_code, answer.content) == (503, b"not ok\n")


@pytest.mark.parametrize("is_atomic", [False, True])
def test_a_database_that_is_away_is_503(browser_of, operator, monkeypatch, is_atomic):
    """Nobody is asked who they are, as that cannot be answered either."""
    client = browser_of(operator)

    def refuse(*_, **__):
        raise OperationalError("connection to db.internal refused")

    monkeypatch.setitem(connections["default"].settings_dict, "ATOMIC_REQUESTS", is_atomic)
    with monkeypatch.context() as away:
        away.setattr(connections["default"], "cursor", refuse)
        away.setattr(connections["default"], "savepoint", refuse)
        answer = client.get(HEALTH)
        assert (answer.status_code, answer.content) == (503, b"not ok\n")


def test_a_look_is_not_reported_as_an_error_of_the_server(visitor, lost, settings, caplog):
    settings.ADMINS = [("Ada", "ada@example.org")]
    settings.DEBUG = False
    visitor.get(HEALTH)
    assert mail.outbox == []
    assert caplog.records == []


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_it_only_reads(visitor, method):
    assert getattr(visitor, method)(HEALTH).status_code == 405


def test_head_has_the_status_alone(visitor, lost):
    answer = visitor.head(HEALTH)
    assert (answer.status_code, answer.content) == (503, b"")
