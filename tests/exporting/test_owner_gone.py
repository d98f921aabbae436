"""A task that a user asked for is never trusted as one by hand, not even when that user has been removed."""

from __future__ import annotations

import pytest
from django.core import mail
from django.core.management import call_command
from django.test import RequestFactory

from brokerless import FinalError, launch
from brokerless.current import set_current_task
from brokerless.exports.models import ExportFile
from brokerless.models import TaskState
from brokerless.retrying import retry
from tests.exporting.making import make_book, make_current_task

pytestmark = pytest.mark.django_db

TO_ANN = {"email": ["ann@example.org", "ben@example.org"]}


@pytest.fixture
def ann(django_user_model, monkeypatch):
    """Somebody without any permission."""
    monkeypatch.setattr("brokerless.launching.dispatch", lambda **_: 0)
    make_book()
    return django_user_model.objects.create_user("ann", "ann@example.org")


def request_of(user):
    request = RequestFactory().post("/exports/books/")
    request.user = user
    return request


LAUNCHES = {
    "by code": lambda ann: {"owner": ann},
    "by a view": lambda ann: {"request": request_of(ann)},
    "by a view for another": lambda ann: {"request": request_of(ann), "owner": ann},
}


@pytest.fixture(params=LAUNCHES)
def forgotten(request, ann):
    """The row of a task whose owner has been removed while it waited."""
    task = launch("export_books", options=TO_ANN, **LAUNCHES[request.param](ann))
    ann.delete()
    return TaskState.objects.get(pk=task.pk)


def run(task: TaskState) -> None:
    """Run the export as the command process of a task does."""
    assert task.owner_id is None
    set_current_task(make_current_task(**task.context))
    try:
        call_command("export_books", **task.options, verbosity=0)
    finally:
        set_current_task(None)


def test_nothing_is_exported_or_mailed_for_somebody_who_is_gone(forgotten):
    with pytest.raises(FinalError, match="The user who asked for this export is no longer there"):
        run(forgotten)
    assert mail.outbox == []
    assert not ExportFile.objects.exists()


def test_a_retry_of_it_is_not_trusted_either(forgotten):
    TaskState.objects.filter(pk=forgotten.pk).update(status=TaskState.Status.FAILED)
    with pytest.raises(FinalError, match="no longer there"):
        run(retry(forgotten))
    assert mail.outbox == []


def test_a_task_that_never_had_an_owner_is_trusted(ann):
    task = launch("export_books", options=TO_ANN)
    ann.delete()
    run(task)
    assert [message.to for message in mail.outbox] == [["ann@example.org"], ["ben@example.org"]]
