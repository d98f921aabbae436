"""`POST /tasks/selected`: many tasks are cancelled, done again or deleted, each as far as its user may."""

from __future__ import annotations

import json
import os
import uuid
from contextlib import suppress
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.utils import timezone

from brokerless.dashboard import actions
from brokerless.exports.models import Delivery, ExportFile
from brokerless.models import TaskState
from brokerless.runtime_dir import TaskFiles
from tests.exporting.reading import names_in
from tests.site.page_parts import Page

Status = TaskState.Status


def outcomes(client, action, *tasks):
    """Return the outcome of each of the tasks as a program learns it."""
    body = {"action": action, "tasks": [str(getattr(task, "pk", task)) for task in tasks]}
    response = client.post("/tasks/selected", json.dumps(body), content_type="application/json")
    assert response.status_code in {200, 202}, response.content
    found = response.json()["tasks"]
    return [found.get(key, {}).get("outcome") for key in body["tasks"]]


def send(client, action, *tasks, **values):
    return client.post("/tasks/selected", {"action": action, "tasks": [task.pk for task in tasks], **values})


def ended(make_task, owner, **values):
    return make_task(owner, **{"status": "SUCCESSFUL", "finished_at": timezone.now()} | values)


def said(client):
    return list(client.get("/tasks/").context["messages"])


def fetched(client, file):
    response = client.get(f"/exports/files/{file.pk}/")
    response.close()
    return response.status_code


def left():
    return set(TaskState.objects.values_list("pk", flat=True))


def test_each_task_has_its_outcome(program, make_task, ann, bob):
    waits, is_over, others = make_task(ann), ended(make_task, ann), ended(make_task, bob)
    gone = uuid.uuid4()
    assert outcomes(program, "cancel", waits, is_over, others, gone) == ["done", "finished", None, None]
    assert TaskState.objects.get(pk=waits.pk).status == Status.CANCELLED
    again = make_task(ann)
    assert outcomes(program, "retry", is_over, again, others) == ["done", "unfinished", None]
    assert TaskState.objects.filter(retry_of=is_over, owner=ann).count() == 1
    assert outcomes(program, "delete", is_over, again, others) == ["done", "unfinished", None]
    assert {again.pk, others.pk} <= left()
    assert is_over.pk not in left()


def test_staff_act_by_permission_on_what_they_see(program_of, person, make_task, ann):
    seer = person("seer", "view_taskstate", is_staff=True)
    for action, make in (("cancel", make_task), ("retry", ended), ("delete", ended)):
        task = make(ann) if make is make_task else ended(make_task, ann)
        assert outcomes(program_of(seer), action, task) == ["forbidden"]
        seer.user_permissions.add(Permission.objects.get(codename=f"{action}_taskstate"))
        assert outcomes(program_of(seer), action, task) == ["done"]
        seer.user_permissions.set(Permission.objects.filter(codename="view_taskstate"))


def test_a_permission_without_being_staff_shows_nothing(program_of, person, make_task, ann):
    other = person("other", "view_taskstate", "delete_taskstate")
    task = ended(make_task, ann)
    assert outcomes(program_of(other), "delete", task) == [None]
    assert task.pk in left()


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[]",
        '{"action": "cancel"}',
        '{"action": "cancel", "tasks": "x"}',
        '{"action": "cancel", "tasks": ["x"]}',
        '{"action": "cancel", "tasks": [7]}',
        '{"action": "cancel", "tasks": [null]}',
        '{"action": "burn", "tasks": []}',
        '{"action": ["cancel"], "tasks": []}',
        json.dumps({"action": "cancel", "tasks": [str(uuid.uuid4()) for _ in range(101)]}),
        "[" * 5000,
    ],
)
def test_what_says_nothing_that_can_be_done_is_refused(program, body):
    assert program.post("/tasks/selected", body, content_type="application/json").status_code == 400


def test_it_is_for_users_only_and_guarded(visitor, program_of, ann, make_task):
    assert program_of(None).post("/tasks/selected", "{}", content_type="application/json").status_code == 401
    assert visitor.post("/tasks/selected", {}).status_code == 302
    strict = program_of(ann, enforce_csrf_checks=True)
    assert strict.post("/tasks/selected", "{}", content_type="application/json").status_code == 403
    assert program_of(ann).get("/tasks/selected").status_code == 405


def test_a_page_asks_first_and_says_what_is_left_out(browser, make_task, ann, bob):
    goes, stays, others = ended(make_task, ann, title="goes"), make_task(ann, title="stays"), ended(make_task, bob)
    response = send(browser, "delete", goes, stays, others, next="/tasks/?status=FAILED")
    text = response.content.decode()
    assert ("<h1>Delete 1 task?</h1>" in text, "Not finished yet." in text) == (True, True)
    page = Page(text)
    assert [values["value"] for values in page.find("input", name="tasks")] == [str(goes.pk)]
    assert left() == {goes.pk, stays.pk, others.pk}

    response = send(browser, "delete", goes, stays, confirmed="1", next="/tasks/?status=FAILED")
    assert (response.status_code, response.url) == (303, "/tasks/?status=FAILED")
    assert left() == {stays.pk, others.pk}
    assert [str(message) for message in said(browser)] == ["1 task was deleted.", "stays: Not finished yet."]


def test_all_on_the_page_are_taken_without_ticking_each(browser, make_task, ann):
    tasks = [ended(make_task, ann) for _ in range(3)]
    listed = Page(browser.get("/tasks/").content.decode()).find("input", name="on_page")
    on_page = [values["value"] for values in listed]
    assert sorted(on_page) == sorted(str(task.pk) for task in tasks)
    values = {"action": "delete", "on_page": on_page}
    for extra, number in (({}, 0), ({"tasks": on_page[:1]}, 1), ({"all": "1"}, 3)):
        text = browser.post("/tasks/selected", values | extra, follow=True).content.decode()
        assert Page(text).count("input", name="tasks", type="hidden") == number
    assert len(left()) == 3


@pytest.mark.parametrize(
    "way", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1", "", "x"]
)
def test_the_way_back_stays_on_the_site(browser, make_task, ann, way):
    assert send(browser, "delete", ended(make_task, ann), confirmed="1", next=way).url == "/tasks/"
    assert "evil" not in send(browser, "delete", ended(make_task, ann), next=way).content.decode()


def test_those_that_the_owner_s_limit_refuses_are_named(program, browser, settings, make_task, ann):
    settings.BROKERLESS = settings.BROKERLESS | {"MAX_UNFINISHED_PER_OWNER": 1}
    tasks = [ended(make_task, ann, title=name) for name in ("one", "two")]
    assert sorted(outcomes(program, "retry", *tasks)) == ["done", "too_many"]
    send(browser, "retry", *tasks, confirmed="1")
    assert all("as many as are allowed" in str(message) for message in said(browser))


def test_one_that_cannot_be_done_keeps_no_other_from_it(program, make_task, ann):
    broken, fine = ended(make_task, ann, command="no_such_command"), ended(make_task, ann)
    assert outcomes(program, "retry", broken, fine) == ["failed", "done"]


def test_a_deletion_that_is_overtaken_takes_nothing_else(program, make_task, ann, bob, monkeypatch):
    """Between the look at the rows and their deletion one goes to somebody else, and one is unfinished again."""
    given_away, revived, own = (ended(make_task, ann) for _ in range(3))
    remove = actions.remove

    def overtaken(tasks):
        TaskState.objects.filter(pk=given_away.pk).update(owner=bob)
        TaskState.objects.filter(pk=revived.pk).update(status="READY")
        return remove(tasks)

    monkeypatch.setattr(actions, "remove", overtaken)
    assert outcomes(program, "delete", given_away, revived, own) == ["held", "held", "done"]
    assert left() == {given_away.pk, revived.pk}


def test_a_task_whose_processes_may_hang_is_kept_for_a_day(program, make_task, ann):
    hangs = ended(make_task, ann, status="LOST", stale_since=timezone.now(), started_at=timezone.now())
    assert outcomes(program, "delete", hangs) == ["held"]
    TaskState.objects.update(finished_at=timezone.now() - timedelta(days=2))
    assert outcomes(program, "delete", hangs) == ["done"]


@pytest.mark.django_db(transaction=True)
def test_its_log_goes_with_a_task(program, make_task, ann):
    task, kept = ended(make_task, ann), ended(make_task, ann)
    logs = []
    for each in (task, kept):
        files = TaskFiles(each.pk, each.lease)
        with os.fdopen(files.open_log(), "w") as log:
            log.write("what it printed")
        logs.append(files.directory)
    assert outcomes(program, "delete", task) == ["done"]
    assert [directory.exists() for directory in logs] == [False, True]


@pytest.mark.django_db(transaction=True)
def test_a_log_that_cannot_be_removed_is_nobody_s_and_named_in_the_site_s_log(program, make_task, ann, caplog):
    task = ended(make_task, ann)
    files = TaskFiles(task.pk, task.lease)
    with os.fdopen(files.open_log(), "w"):
        (files.directory / "strange").mkdir()
    assert outcomes(program, "delete", task) == ["done"]
    assert left() == set()
    assert str(files.directory) in caplog.text


@pytest.mark.django_db(transaction=True)
def test_its_export_file_and_the_links_to_it_go_with_a_task(program, make_task, make_file, ann, export_directory):
    task, kept = ended(make_task, ann), ended(make_task, ann)
    gone, stays = make_file(ann, task=task), make_file(ann, task=kept)
    mailed = Delivery.objects.create(file=gone, recipient="c@example.org", status=Delivery.Status.SENT)
    assert fetched(program, gone) == 200
    assert outcomes(program, "delete", task) == ["done"]
    assert fetched(program, gone) == 410
    assert fetched(program, stays) == 200
    assert names_in(export_directory) == [stays.storage_name]
    gone.refresh_from_db()
    mailed.refresh_from_db()
    assert None not in (gone.removed_at, gone.links_revoked_at, mailed.link_revoked_at)


@pytest.mark.django_db(transaction=True)
def test_a_storage_that_is_away_keeps_no_task_and_its_file_is_nobody_s(
    program, make_task, make_file, ann, monkeypatch
):
    task = ended(make_task, ann)
    file = make_file(ann, task=task)
    with monkeypatch.context() as broken:
        broken.setattr("django.core.files.storage.FileSystemStorage.delete", _refuse)
        assert outcomes(program, "delete", task) == ["done"]
    assert fetched(program, file) == 410
    # The next round that removes what has expired finds it.
    assert list(ExportFile.objects.expired()) == [file]


def _refuse(*_, **__):
    raise OSError("away")


@pytest.mark.django_db(transaction=True)
def test_what_a_deletion_that_fails_would_have_taken_stays(
    program, make_task, make_file, make_log, ann, monkeypatch
):
    task = ended(make_task, ann)
    file, log = make_file(ann, task=task), make_log(task)
    monkeypatch.setattr("brokerless.exports.files.links.revoke", _refuse)
    assert outcomes(program, "delete", task) == ["failed"]
    assert task.pk in left()
    file.refresh_from_db()
    assert not file.is_expired
    assert log.exists()


@pytest.mark.django_db(transaction=True)
def test_a_log_stays_whose_deletion_the_site_s_own_transaction_takes_back(make_task, make_log, ann):
    task = ended(make_task, ann)
    log = make_log(task)
    with suppress(InterruptedError), transaction.atomic():
        assert actions.carried_out("delete", [task], ann)[0].is_done
        raise InterruptedError
    assert log.exists()
    assert left() == {task.pk}


def test_one_that_somebody_else_deletes_meanwhile_is_there_no_more(program, make_task, ann, monkeypatch):
    task, own = ended(make_task, ann), ended(make_task, ann)
    remove = actions.remove

    def overtaken(tasks):
        TaskState.objects.filter(pk=task.pk).delete()
        return remove(tasks)

    monkeypatch.setattr(actions, "remove", overtaken)
    assert outcomes(program, "delete", task, own) == ["gone", "done"]


@pytest.mark.parametrize("action", ["cancel", "retry"])
def test_an_error_of_the_database_at_one_keeps_no_other_from_it_in_the_site_s_own_transaction(
    postgres, make_task, ann, monkeypatch, action
):
    """As with ATOMIC_REQUESTS, on PostgreSQL."""
    tasks = [ended(make_task, ann) if action == "retry" else make_task(ann) for _ in range(2)]

    def spoiled(function):
        def act(task, **keywords):
            if task.pk == tasks[0].pk:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT 1 FROM no_such_table")
            return function(task, **keywords)

        return act

    if action == "retry":
        monkeypatch.setattr(actions, "retry", spoiled(actions.retry))
    else:
        monkeypatch.setattr(TaskState, "cancel", spoiled(TaskState.cancel))
    with transaction.atomic():
        found = actions.carried_out(action, tasks, ann)
        assert [outcome.reason for outcome in found] == ["failed", "done"]


def test_the_number_of_queries_to_look_at_tasks_is_the_same_for_many(
    browser, make_task, ann, django_assert_max_num_queries
):
    tasks = [ended(make_task, ann) for _ in range(100)]
    with django_assert_max_num_queries(8):
        assert b"Delete 100 tasks?" in send(browser, "delete", *tasks).content
