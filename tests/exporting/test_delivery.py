"""The delivery of a file: one mail to each recipient, and never two."""

from __future__ import annotations

import socket
from smtplib import SMTPDataError

import django
import pytest
from django.core import mail

from brokerless.exceptions import LeaseLost, TaskCancelled
from brokerless.exports.exceptions import MailError
from brokerless.exports.mailing.delivery import deliver
from brokerless.exports.models import Delivery
from tests.exporting.mail_backends import ToldBackend
from tests.exporting.mailing import ANN, BEN, EVE, mail_in_vain, mail_to, mailed, make_file, statuses

pytestmark = pytest.mark.django_db

Status = Delivery.Status


def raising(error: BaseException):
    def act(_message: mail.EmailMessage) -> None:
        raise error

    return act


def test_each_recipient_gets_a_mail_of_its_own_and_sees_no_other():
    record = make_file()
    delivered = mail_to(record, ANN, BEN)
    assert mailed() == [ANN, BEN]
    assert not any(BEN in str(mail.outbox[0].message()[name]) for name in ("To", "Cc", "Bcc"))
    assert (delivered.sent, delivered.is_complete) == ([ANN, BEN], True)
    assert statuses(record) == {ANN: Status.SENT, BEN: Status.SENT}


def test_one_address_in_two_spellings_gets_one_mail():
    mail_to(make_file(), ANN, "Ann@Example.org", ANN)
    assert mailed() == [ANN]


def test_nobody_is_mailed_to_when_nobody_is_named(backend_told):
    assert deliver(make_file(), [], title="Books").sent == []
    assert ToldBackend.opened == 0


def test_all_mails_go_over_one_connection(backend_told):
    mail_to(make_file(), ANN, BEN, EVE)
    assert (mailed(), ToldBackend.opened) == ([ANN, BEN, EVE], 1)


def test_what_was_sent_is_not_sent_again():
    record = make_file()
    mail_to(record, ANN)
    assert mail_to(record, ANN, BEN).sent == [ANN, BEN]
    assert mailed() == [ANN, BEN]


def test_another_file_is_another_mail():
    for record in (make_file(), make_file()):
        mail_to(record, ANN)
    assert mailed() == [ANN, ANN]


def test_what_surely_failed_is_sent_by_the_next_attempt_alone(backend_told):
    record = make_file()
    backend_told[BEN] = raising(SMTPDataError(451, b"later please"))
    text = mail_in_vain(record, ANN, BEN, EVE)
    assert text == (
        f"The file is ready, but the mail to {BEN} was not sent: 451 later please (Mailed to {ANN}, {EVE}.)"
    )
    assert statuses(record) == {ANN: Status.SENT, BEN: Status.WAITING, EVE: Status.SENT}
    assert Delivery.objects.get(recipient=BEN).detail == "451 later please"
    del backend_told[BEN]
    assert mail_to(record, ANN, BEN, EVE).is_complete
    assert mailed() == [ANN, EVE, BEN]


def test_what_may_have_been_delivered_is_never_sent_again(backend_told):
    record = make_file()
    backend_told[ANN] = raising(TimeoutError("timed out"))
    said = f"The file is ready, but the mail to {ANN} may have been delivered, and is not sent again: timed out"
    assert mail_in_vain(record, ANN) == said
    del backend_told[ANN]
    assert mail_in_vain(record, ANN) == said
    assert mail.outbox == []
    assert statuses(record) == {ANN: Status.UNCERTAIN}


def test_a_task_cancelled_in_mid_send_leaves_a_mail_that_is_never_sent_again(backend_told):
    record = make_file()
    backend_told[ANN] = raising(TaskCancelled())
    with pytest.raises(TaskCancelled):
        mail_to(record, ANN, BEN)
    assert statuses(record) == {ANN: Status.UNCERTAIN}
    del backend_told[ANN]
    assert "is not sent again: the process that sent it was interrupted" in mail_in_vain(record, ANN)
    assert mail.outbox == []


def test_a_mail_whose_process_was_killed_is_never_sent_again():
    record = make_file()
    record.deliveries.create(recipient=ANN, status=Status.SENDING)
    assert "is not sent again: the process that sent it was interrupted" in mail_in_vain(record, ANN)
    assert mail.outbox == []
    assert statuses(record) == {ANN: Status.UNCERTAIN}


def test_recipients_after_an_uncertain_one_are_mailed_to(backend_told):
    backend_told[ANN] = raising(TimeoutError("timed out"))
    mail_in_vain(make_file(), ANN, BEN)
    assert mailed() == [BEN]


@pytest.mark.parametrize(
    ("error", "is_final"), [(SMTPDataError(451, b"later"), False), (TimeoutError("timed out"), True)]
)
def test_another_attempt_is_of_use_only_where_something_waits(backend_told, error, is_final):
    backend_told[ANN] = raising(error)
    with pytest.raises(MailError) as caught:
        mail_to(make_file(), ANN)
    assert caught.value.is_final is is_final
    assert caught.value.delivered.sent == []


def test_recipients_with_one_reason_are_said_together(backend_told):
    backend_told |= {ANN: raising(SMTPDataError(451, b"later")), BEN: raising(SMTPDataError(451, b"later"))}
    text = mail_in_vain(make_file(), ANN, BEN)
    assert text == f"The file is ready, but the mail to {ANN}, {BEN} was not sent: 451 later"


def test_a_very_long_reason_is_cut_in_the_error_and_whole_in_the_row(backend_told):
    backend_told[ANN] = raising(SMTPDataError(451, b"x" * 4000))
    assert len(mail_in_vain(make_file(), ANN)) < 450
    assert len(Delivery.objects.get().detail) == 4004


@pytest.mark.parametrize(
    "error", [ConnectionRefusedError(111, "Connection refused"), socket.gaierror(-2, "Unknown")]
)
def test_a_server_that_is_away_is_asked_once_for_all_recipients(backend_told, monkeypatch, error):
    monkeypatch.setattr(ToldBackend, "failure", error)
    record = make_file()
    assert f"the mail to {ANN}, {BEN} was not sent" in mail_in_vain(record, ANN, BEN)
    assert ToldBackend.opened == 1
    monkeypatch.setattr(ToldBackend, "failure", None)
    mail_to(record, ANN, BEN)
    assert mailed() == [ANN, BEN]


@pytest.mark.parametrize(("returned", "is_sent"), [(0, False), (None, True), (1, True)])
def test_a_backend_that_says_that_it_sent_none_is_believed(backend_told, returned, is_sent):
    backend_told[ANN] = lambda _: returned
    record = make_file()
    if is_sent:
        mail_to(record, ANN)
    else:
        assert "the mail backend did not take it" in mail_in_vain(record, ANN)
    assert statuses(record) == {ANN: Status.SENT if is_sent else Status.WAITING}


def test_a_connection_that_broke_after_a_mail_is_made_anew_and_the_mail_is_sent(backend_told):
    calls = []

    def second_time(message):
        calls.append(message)
        if len(calls) == 1:
            raise SMTPDataError(421, b"too many mails")
        mail.outbox.append(message)

    backend_told[BEN] = second_time
    mail_to(make_file(), ANN, BEN)
    assert (mailed(), ToldBackend.opened) == ([ANN, BEN], 2)


def test_the_first_mail_of_a_connection_is_not_tried_twice(backend_told):
    calls = []

    def refuse(message):
        calls.append(message)
        raise SMTPDataError(451, b"later")

    backend_told[ANN] = refuse
    mail_in_vain(make_file(), ANN)
    assert len(calls) == 1


def test_the_lease_is_renewed_before_each_mail(in_task):
    task = in_task()
    mail_to(make_file(), ANN, BEN)
    assert task._end.renewals == 2


def test_a_task_that_lost_its_lease_sends_no_further_mail(in_task, backend_told):
    task, record = in_task(), make_file()

    def lose(message):
        mail.outbox.append(message)
        task._end.lost = LeaseLost("somebody else's")

    backend_told[ANN] = lose
    with pytest.raises(LeaseLost):
        mail_to(record, ANN, BEN)
    assert mailed() == [ANN]
    assert statuses(record) == {ANN: Status.SENT, BEN: Status.WAITING}  # the next attempt sends it


@pytest.mark.skipif(django.VERSION < (6, 1), reason="Django has MAILERS from 6.1 on")
def test_the_default_of_several_mailers_sends_the_mail(settings):
    for name in ("EMAIL_BACKEND", "EMAIL_HOST", "EMAIL_PORT", "EMAIL_TIMEOUT", "EMAIL_FILE_PATH"):
        if hasattr(settings, name):
            delattr(settings, name)
    settings.MAILERS = {
        "default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"},
        "other": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend"},
    }
    mail_to(make_file(), ANN, BEN)
    assert mailed() == [ANN, BEN]
