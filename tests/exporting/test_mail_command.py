"""Exports by mail as the command does them: what is mailed once, and what a further attempt does."""

from __future__ import annotations

import gzip

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import CommandError

from brokerless.current import set_current_task
from brokerless.exports.models import Delivery, ExportFile
from brokerless.models import TaskState
from tests.exporting.mailing import ANN, BEN, statuses
from tests.exporting.making import make_many_books
from tests.exporting.reading import names_in, read_csv, stored_bytes

pytestmark = pytest.mark.django_db

Status = Delivery.Status
TO_ANN = ("--email", ANN)
FAILING = "tests.exporting.mail_backends.ToldBackend"


@pytest.fixture
def mail_server_away(settings, monkeypatch):
    """Let no mail out; return the function that ends that."""
    usual, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, FAILING
    monkeypatch.setattr(f"{FAILING}.failure", ConnectionRefusedError(111, "Connection refused"))

    def end() -> None:
        settings.EMAIL_BACKEND = usual

    return end


def test_the_file_is_mailed_to_each_address(export):
    make_many_books(3)
    out, _ = export("--language", "eng", *TO_ANN, "--email", BEN)
    record = ExportFile.objects.get()
    assert [message.to for message in mail.outbox] == [[ANN], [BEN]]
    ((name, content, kind),) = mail.outbox[0].attachments
    assert (name, content, kind) == (record.name, stored_bytes(record), "application/gzip")
    assert len(read_csv(gzip.decompress(content))) == 3
    assert "Books, English: 3 rows." in mail.outbox[0].body
    assert record.title == "Books, English"  # as the page behind the link says
    assert out.endswith(f"Mailed to {ANN}, {BEN}.\n")


def test_an_empty_result_is_mailed_and_said(export):
    export(*TO_ANN)
    (message,) = mail.outbox
    assert "Books, all: no rows. Nothing matches what was asked for." in message.body
    assert message.attachments


def test_a_mail_that_fails_keeps_the_file_and_says_why(export, in_task, mail_server_away, export_directory):
    make_many_books(2)
    task = in_task()
    with pytest.raises(CommandError) as caught:
        export(*TO_ANN)
    assert str(caught.value) == (
        f"The file is ready, but the mail to {ANN} was not sent: [Errno 111] Connection refused"
    )
    record = ExportFile.objects.get()
    assert record.is_ready
    assert record.storage_name in names_in(export_directory)
    assert task.result["download"] == f"/exports/files/{record.pk}/"
    assert not task.result.get("mailed_to")


def test_a_further_attempt_sends_the_mail_and_does_not_export_again(
    export, in_task, next_attempt, mail_server_away
):
    make_many_books(2)
    in_task()
    with pytest.raises(CommandError):
        export(*TO_ANN)
    mail_server_away()
    make_many_books_more()
    next_attempt()
    export(*TO_ANN)
    record = ExportFile.objects.get()  # still the only one
    assert record.rows == 2
    assert statuses(record) == {ANN: Status.SENT}
    assert len(mail.outbox) == 1


def make_many_books_more() -> None:
    from library.models import Author, Book

    Book.objects.create(title="Another", author=Author.objects.get())


def test_a_retry_of_a_failed_task_sends_what_is_missing_alone(export, in_task, settings, monkeypatch):
    make_many_books(2)
    first = in_task()
    settings.EMAIL_BACKEND = FAILING
    monkeypatch.setattr(f"{FAILING}.failure", None)
    monkeypatch.setattr(f"{FAILING}.told", {BEN: lambda _: 0})
    with pytest.raises(CommandError, match=f"the mail to {BEN} was not sent"):
        export(*TO_ANN, "--email", BEN)
    TaskState.objects.filter(pk=first.id).update(status=TaskState.Status.FAILED)
    set_current_task(None)
    again = in_task()
    TaskState.objects.filter(pk=again.id).update(retry_of=first.id)
    monkeypatch.setattr(f"{FAILING}.told", {})
    export(*TO_ANN, "--email", BEN)
    assert [message.to for message in mail.outbox] == [[ANN], [BEN]]
    assert statuses(ExportFile.objects.get()) == {ANN: Status.SENT, BEN: Status.SENT}


@pytest.mark.parametrize("address", ["ann@example.org\nBcc: all@example.org", "ann", "", "a@b@c"])
def test_what_is_no_address_is_refused_before_any_work(export, address):
    with pytest.raises(CommandError, match="no e-mail address"):
        export(f"--email={address}")
    assert not ExportFile.objects.exists()


def test_an_owner_who_may_not_mail_to_others_any_more_gets_no_export_for_them(export, in_task):
    owner = User.objects.create_superuser("ann", ANN)
    in_task(owner=owner)
    export(*TO_ANN, "--email", BEN)
    User.objects.filter(pk=owner.pk).update(is_superuser=False)
    owner.user_permissions.set(permission_to_export())
    set_current_task(None)
    in_task(owner=owner)
    with pytest.raises(CommandError, match="mail_exports_to_others"):
        export("--email", BEN)
    export(*TO_ANN)
    assert [message.to for message in mail.outbox] == [[ANN], [BEN], [ANN]]


def permission_to_export():
    from django.contrib.auth.models import Permission

    return Permission.objects.filter(codename="view_book")


def test_in_a_task_the_lease_is_renewed_before_the_mail(export, in_task):
    task = in_task()
    export(*TO_ANN)
    assert task._end.renewals == 2  # before the file got its name, and before the mail
