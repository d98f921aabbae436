"""What is known of the providers of mail before anything is sent to them."""

from __future__ import annotations

import base64
from importlib import import_module

import pytest
from anymail.backends import brevo, resend
from anymail.backends.base import AnymailBaseBackend
from django.core import mail
from django.core.mail.backends import locmem

from brokerless.exports.mailing.providers import PROVIDERS, REST, UNKNOWN, encoded_size, provider_of
from brokerless.exports.models import Delivery
from tests.exporting.mail_backends import AnymailTestBackend
from tests.exporting.mailing import mail_to, make_file

MEGABYTE = 1_000_000


@pytest.mark.parametrize(
    ("provider", "name", "is_taken"),
    [
        ("Brevo", "books.csv.gz", False),
        ("Brevo", "books.csv", True),
        ("Brevo", "BOOKS.CSV", True),
        ("Brevo", "books.xlsx", True),
        ("Brevo", "books.parquet", False),
        ("Resend", "books.csv.gz", False),
        ("Resend", "books.csv", True),
        ("Resend", "books.parquet", True),
        ("Scaleway", "books.csv.gz", False),
        ("Scaleway", "books.xlsx", True),
        ("Postmark", "books.csv.gz", True),
        ("Mailgun", "books.jsonl.gz", True),
    ],
)
def test_kinds_of_files_that_a_provider_takes(provider, name, is_taken):
    assert PROVIDERS[provider].takes(name, size=1) is is_taken


@pytest.mark.parametrize(
    ("provider", "limit"),
    [("Scaleway", 2), ("Postmark", 10), ("Mailjet", 15), ("SparkPost", 20), ("Mailgun", 25), ("Amazon SES", 40)],
)
def test_sizes_that_a_provider_takes_are_those_of_the_encoded_mail(provider, limit):
    largest = (limit * MEGABYTE - REST) * 57 // 78
    assert PROVIDERS[provider].takes("books.csv", size=largest - 57)
    assert not PROVIDERS[provider].takes("books.csv", size=largest + 57)


def test_what_is_attached_by_default_fits_every_provider_but_one():
    small = [name for name, provider in PROVIDERS.items() if not provider.takes("books.csv", size=7 * MEGABYTE)]
    assert small == ["Scaleway"]


@pytest.mark.parametrize("size", [0, 1, 56, 57, 58, 5700, 10_001])
def test_the_encoded_size_is_that_of_a_mail(size):
    encoded = base64.encodebytes(b"x" * size)
    real = len(encoded.replace(b"\n", b"\r\n"))
    assert real <= encoded_size(size) <= real + 76  # the last line may be shorter


def test_a_provider_is_known_by_anymail_s_name():
    assert provider_of(brevo.EmailBackend(api_key="key")) is PROVIDERS["Brevo"]
    assert provider_of(resend.EmailBackend(api_key="key")) is PROVIDERS["Resend"]


def test_every_name_is_one_that_anymail_has():
    modules = ("amazon_ses", "brevo", "mailgun", "mailjet", "postmark", "resend", "scaleway", "sparkpost")
    names = set()
    for name in modules:
        try:
            names.add(import_module(f"anymail.backends.{name}").EmailBackend.esp_name)
        except ImportError:  # Amazon's needs boto3
            names.add("Amazon SES")
    assert names == set(PROVIDERS)


class Nameless(AnymailTestBackend):
    """Has its name as Anymail's base has it: as a property, which raises."""

    esp_name = AnymailBaseBackend.esp_name

    def __init__(self):
        """Leave everything out, as all of it needs the name."""


@pytest.mark.parametrize("make", [locmem.EmailBackend, AnymailTestBackend, Nameless])
def test_of_others_nothing_is_known(make):
    assert provider_of(make()) is UNKNOWN
    assert UNKNOWN.takes("books.anything", size=10**12)


@pytest.mark.django_db
@pytest.mark.parametrize(("esp", "is_attached"), [("Brevo", False), ("Postmark", True)])
def test_what_the_provider_in_use_does_not_take_is_linked_to(settings, monkeypatch, esp, is_attached):
    settings.EMAIL_BACKEND = "anymail.backends.test.EmailBackend"
    monkeypatch.setattr(AnymailTestBackend, "esp_name", esp)
    mail_to(make_file())
    (message,) = mail.outbox
    assert bool(message.attachments) is is_attached
    assert Delivery.objects.get().is_link is not is_attached
