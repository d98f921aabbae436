"""Several processes that deliver one file: who takes a mail on first sends it, and nobody else."""

from __future__ import annotations

from contextlib import suppress

import pytest
from django.core import mail
from django.db import connection, transaction

from brokerless.exports.exceptions import MailError
from brokerless.exports.files import links
from brokerless.exports.models import Delivery
from tests.at_once import at_once
from tests.exporting.mailing import ANN, mail_in_vain, mail_to, mailed, make_file, statuses

pytestmark = pytest.mark.django_db

Status = Delivery.Status


@pytest.fixture
def another_first(monkeypatch):
    """Return the function that has another process be at that status just before the mail is taken on."""
    make_url = links.absolute_url

    def arrange(status: str) -> None:
        def be_slow(delivery):
            Delivery.objects.filter(pk=delivery.pk).update(status=status)
            return make_url(delivery)

        monkeypatch.setattr(links, "absolute_url", be_slow)

    return arrange


def test_what_another_process_sent_meanwhile_is_not_sent(another_first):
    another_first(Status.SENT)
    assert mail_to(make_file(), ANN).sent == [ANN]
    assert mail.outbox == []


def test_what_another_process_is_sending_is_not_sent(another_first):
    another_first(Status.SENDING)
    record = make_file()
    assert "is not sent again: another process is sending it" in mail_in_vain(record)
    assert mail.outbox == []
    assert statuses(record) == {ANN: Status.SENDING}


@pytest.fixture(params=["usual", "postgres"])
def any_database(request, transactional_db):
    """Run the test on each database; the usual one is the one that the suite is run on."""
    if request.param != "usual":
        request.getfixturevalue(request.param)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("any_database")
def test_many_at_once_send_one_mail():
    record = make_file()

    def attempt(_number: int) -> None:
        with suppress(MailError):  # of who met it while another was sending it
            mail_to(record, ANN)

    at_once(4, attempt)
    assert mailed() == [ANN]
    assert statuses(record) == {ANN: Status.SENT}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("any_database")
def test_before_a_mail_is_handed_over_others_can_see_that_it_is_being_sent(backend_told):
    record, seen = make_file(), []
    backend_told[ANN] = lambda _: seen.append(at_once(1, lambda _: statuses(record)))
    mail_to(record, ANN)
    assert seen == [[{ANN: Status.SENDING}]]


@pytest.mark.django_db(transaction=True)
def test_inside_a_transaction_no_mail_is_sent():
    record = make_file()
    with transaction.atomic(), pytest.raises(MailError, match="inside a transaction"):
        mail_to(record, ANN)
    assert mail.outbox == []
    assert not connection.in_atomic_block
    mail_to(record, ANN)
    assert mailed() == [ANN]
