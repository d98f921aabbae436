"""What was launched in the admin is done again by those alone who could launch it there today."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import Permission, User

from brokerless.dashboard.actions import judged
from brokerless.models import TaskState
from tests.site.admin_parts import LAUNCH, LAUNCH_COMMANDS, RETRY, TASKS, VIEW, act
from tests.site.conftest import JSON, client_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

WAYS: dict[str, Callable[[User, TaskState], HttpResponse]] = {
    "page": lambda user, task: client_of(user, JSON).post(f"/tasks/{task.pk}/retry"),
    "list": lambda user, task: client_of(user, JSON).post(
        "/tasks/selected", {"action": "retry", "tasks": [str(task.pk)]}, content_type=JSON
    ),
    "admin's page": lambda user, task: client_of(user).post(f"{TASKS}{task.pk}/retry/"),
    "admin's list": lambda user, task: act(client_of(user), "retry_selected", task, post="yes"),
}
every_way = pytest.mark.parametrize("way", WAYS)


@pytest.fixture
def boss(person: Callable[..., User]) -> User:
    return person("boss", VIEW, RETRY, LAUNCH_COMMANDS, is_staff=True)


@pytest.fixture
def launched(boss: User) -> TaskState:
    """Return a task that was launched by a form, and has ended."""
    sent = {"command-count": "5", "task-queue": "default", "_launch": "1"}
    client_of(boss).post(f"{LAUNCH}generate_books/", sent)
    TaskState.objects.update(status=TaskState.Status.FAILED)
    return TaskState.objects.get()


def lose(user: User, codename: str) -> None:
    user.user_permissions.remove(Permission.objects.get(codename=codename))


@every_way
def test_who_may_launch_the_command_may_retry_it(boss, launched, way):
    WAYS[way](boss, launched)
    again = TaskState.objects.get(retry_of=launched)
    assert (again.owner, again.arguments) == (boss, [5])


@every_way
def test_its_owner_may_not_without_the_permission_to_launch(boss, launched, way):
    lose(boss, LAUNCH_COMMANDS)
    WAYS[way](boss, launched)
    assert TaskState.objects.get() == launched


@pytest.mark.parametrize("way", ["page", "list"])
def test_its_owner_may_not_when_no_longer_of_the_staff(boss, launched, way):
    User.objects.update(is_staff=False)
    WAYS[way](boss, launched)
    assert TaskState.objects.get() == launched


@every_way
def test_nobody_may_when_the_command_is_no_longer_offered(boss, launched, settings, way):
    settings.BROKERLESS = settings.BROKERLESS | {"ADMIN_COMMANDS": ["export_books"]}
    WAYS[way](boss, launched)
    assert TaskState.objects.get() == launched


def test_what_does_it_again_is_no_way_round(boss, launched):
    again = launched.retry()
    TaskState.objects.update(status=TaskState.Status.FAILED)
    lose(boss, LAUNCH_COMMANDS)
    response = WAYS["page"](boss, again)
    assert response.status_code == 403
    assert response.json()["detail"].startswith("It was launched in the admin")
    assert "retry" not in client_of(boss, JSON).get(f"/tasks/{again.pk}/").json()["links"]
    assert TaskState.objects.count() == 2


def test_what_was_launched_elsewhere_needs_no_such_permission(boss, launched, make_task):
    lose(boss, LAUNCH_COMMANDS)
    task = make_task(boss, command="generate_books", arguments=[5], status=TaskState.Status.FAILED)
    assert WAYS["page"](boss, task).status_code == 202


def test_of_many_tasks_it_is_asked_with_one_query(boss, launched, make_task, django_assert_num_queries):
    more = [make_task(boss, context=launched.context, status=TaskState.Status.FAILED) for _ in range(5)]
    tasks = list(TaskState.objects.defer("context"))
    boss.has_perm(LAUNCH_COMMANDS)
    with django_assert_num_queries(1):
        assert [outcome.is_done for outcome in judged("retry", tasks, boss)] == [True] * (1 + len(more))
