"""What was mailed by an earlier attempt, by a process that may still live, or for somebody who is gone."""

from __future__ import annotations

import re
from datetime import timedelta
from smtplib import SMTPDataError

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import CommandError
from django.utils import timezone

from brokerless import FinalError
from brokerless.exports.exceptions import MailError, PermissionRefused
from brokerless.exports.files import links
from brokerless.exports.models import Delivery, ExportFile
from brokerless.models import TaskState
from tests.exporting.mailing import ANN, BEN, EVE, mail_in_vain, mail_to, mailed, make_file, statuses
from tests.exporting.making import make_book
from tests.exporting.sharing import ago

pytestmark = pytest.mark.django_db

Status = Delivery.Status
BOTH = ("--email", ANN, "--email", BEN)
INTERRUPTED = "is not sent again: the process that sent it was interrupted"
ALIVE = "is not sent again: another process is sending it"


def fail(_message: mail.EmailMessage) -> None:
    raise SMTPDataError(451, b"later")


def lose_the_file() -> None:
    """Take the file from the storage, as when another host with a disk of its own takes the task on."""
    record = ExportFile.objects.get()
    record.storage.delete(record.storage_name)


@pytest.fixture
def half_mailed(export, in_task, backend_told):
    """Leave a task whose file was mailed to Ann and not to Ben, and is gone; return that task."""
    make_book()
    task = in_task()
    backend_told[BEN] = fail
    with pytest.raises(CommandError, match="later"):
        export(*BOTH)
    del backend_told[BEN]
    lose_the_file()
    return task


def test_who_had_the_mail_gets_no_other_when_the_file_is_made_again(half_mailed, next_attempt, export):
    next_attempt()
    export(*BOTH)
    assert mailed() == [ANN, BEN]
    assert ExportFile.objects.count() == 2


def test_nor_by_a_task_that_retries_it(half_mailed, in_task, export):
    TaskState.objects.filter(pk=half_mailed.id).update(status="FAILED")
    TaskState.objects.filter(pk=in_task().id).update(retry_of=half_mailed.id)
    export(*BOTH)
    assert mailed() == [ANN, BEN]


def test_nor_in_another_spelling(half_mailed, next_attempt, export):
    next_attempt()
    export("--email", "Ann@EXAMPLE.org")
    assert mailed() == [ANN]


@pytest.mark.parametrize("status", [Status.UNCERTAIN, Status.REFUSED])
def test_nor_who_may_have_had_it_or_was_refused(half_mailed, next_attempt, export, status):
    Delivery.objects.filter(recipient=ANN).update(status=status, detail="a word of the server")
    next_attempt()
    with pytest.raises(CommandError, match="again: a word of the server"):
        export(*BOTH)
    assert mailed() == [ANN, BEN]


def test_nor_whose_mail_was_interrupted(half_mailed, next_attempt, export):
    Delivery.objects.filter(recipient=ANN).update(status=Status.SENDING)
    next_attempt()
    with pytest.raises(CommandError, match=INTERRUPTED):
        export(*BOTH)
    assert mailed() == [ANN, BEN]


def test_another_export_of_the_same_task_is_another_mail(half_mailed, next_attempt, export):
    next_attempt()
    export("--language", "eng", "--email", ANN)
    assert mailed() == [ANN, ANN]


def test_another_task_is_another_mail(half_mailed, in_task, export):
    in_task()
    export(*BOTH)
    assert mailed() == [ANN, ANN, BEN]


def test_a_mail_that_its_task_is_still_sending_is_left_to_it(in_task):
    record, task = make_file(), in_task()
    record.deliveries.create(recipient=ANN, status=Status.SENDING, task_id=task.id, lease=task.lease)
    in_task()  # of somebody who mails the same file
    assert ALIVE in mail_in_vain(record)
    assert statuses(record) == {ANN: Status.SENDING}
    assert mail.outbox == []


@pytest.mark.parametrize("change", [{"status": "LOST"}, {"status": "FAILED"}, {"lease": 2}], ids=str)
def test_a_mail_whose_task_has_ended_or_has_another_process_was_interrupted(in_task, change):
    record, task = make_file(), in_task()
    record.deliveries.create(recipient=ANN, status=Status.SENDING, task_id=task.id, lease=task.lease)
    TaskState.objects.filter(pk=task.id).update(**change)
    in_task()
    assert INTERRUPTED in mail_in_vain(record)
    assert statuses(record) == {ANN: Status.UNCERTAIN}


def test_a_mail_whose_task_was_purged_was_interrupted(in_task):
    record, task = make_file(), in_task()
    record.deliveries.create(recipient=ANN, status=Status.SENDING, task_id=task.id, lease=task.lease)
    TaskState.objects.filter(pk=task.id).delete()
    in_task()
    assert INTERRUPTED in mail_in_vain(record)


@pytest.mark.parametrize(("age", "said"), [(timedelta(minutes=5), ALIVE), (timedelta(hours=2), INTERRUPTED)])
def test_a_mail_of_no_task_is_taken_to_be_on_its_way_for_an_hour(age, said):
    record = make_file()
    record.deliveries.create(recipient=ANN, status=Status.SENDING, attempted_at=timezone.now() - age)
    assert said in mail_in_vain(record)
    assert mail.outbox == []


def test_who_meets_a_mail_in_the_middle_of_its_sending_leaves_it_alone(backend_told, in_task):
    record, said = make_file(), []
    in_task()

    def meet(_message):
        del backend_told[ANN]
        said.append(mail_in_vain(record, ANN))

    backend_told[ANN] = meet
    mail_to(record, ANN)
    assert ALIVE in said[0]
    assert statuses(record) == {ANN: Status.SENT}


def test_a_link_that_is_revoked_while_mails_go_out_is_in_none_of_the_later_ones(backend_told, settings):
    settings.BROKERLESS = settings.BROKERLESS | {"BASE_URL": "https://example.org"}
    record = make_file()
    backend_told[ANN] = lambda _: links.revoke(pk=record.pk)
    mail_to(record, ANN, BEN)
    (message,) = mail.outbox
    assert message.attachments
    assert "/shared/" not in message.body


def test_a_link_that_was_to_be_the_only_way_is_not_mailed_once_revoked(backend_told, settings):
    settings.EXPORTS = settings.EXPORTS | {"ATTACHMENT_LIMIT": 1}
    record = make_file()
    backend_told[ANN] = lambda _: links.revoke(pk=record.pk)
    assert "were revoked" in mail_in_vain(record, ANN, BEN)
    assert mail.outbox == []


def test_an_owner_who_is_deleted_while_mails_go_out_gives_nothing_to_the_later_ones(backend_told):
    owner = User.objects.create_superuser("eve", EVE)
    record = make_file(owner=owner, was_owned=True)
    backend_told[ANN] = lambda _: User.objects.all().delete()
    mail_to(record, ANN, BEN)
    for message in mail.outbox:
        assert not re.search(r"/shared/[^/]+/", message.body)


def test_the_file_of_somebody_who_was_deleted_is_mailed_to_nobody():
    owner = User.objects.create_superuser("eve", EVE)
    record = make_file(owner=owner, was_owned=True)
    User.objects.all().delete()  # which `record` has not heard of
    with pytest.raises(PermissionRefused, match="no longer there"):
        mail_to(record, ANN)
    assert mail.outbox == []


def test_a_file_that_never_was_anybody_s_is_mailed():
    mail_to(make_file(), ANN)
    assert mailed() == [ANN]


def test_an_owner_who_is_deleted_in_the_middle_of_an_export_ends_it_for_good(export, in_task, monkeypatch):
    owner = User.objects.create_superuser("eve", EVE)
    in_task(owner=owner)
    real = ExportFile.complete

    def complete(self, **values):
        User.objects.all().delete()
        real(self, **values)

    monkeypatch.setattr(ExportFile, "complete", complete)
    with pytest.raises(FinalError, match="no longer there"):
        export("--email", EVE)
    assert mail.outbox == []


def test_a_file_whose_record_was_deleted_is_not_mailed():
    record = make_file()
    ExportFile.objects.all().delete()
    with pytest.raises((MailError, PermissionRefused), match="no longer there"):
        mail_to(record, ANN)


def test_the_moment_of_a_mail_and_its_process_are_noted(in_task):
    task = in_task()
    mail_to(make_file(), ANN)
    delivery = Delivery.objects.get()
    assert (delivery.task_id, delivery.lease) == (task.id, task.lease)
    assert delivery.attempted_at > ago(minutes=1)
