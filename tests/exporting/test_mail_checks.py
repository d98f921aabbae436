"""The system check of mails: a server that hangs is not waited for without an end."""

from __future__ import annotations

import warnings

import pytest

from brokerless.exports.mail_checks import check_mail_timeout

SMTP = "django.core.mail.backends.smtp.EmailBackend"


def messages_for(settings, **values) -> list[str]:
    for name, value in values.items():
        setattr(settings, name, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Django 6.1 has other settings for the same
        return [message.id for message in check_mail_timeout()]


def test_smtp_without_a_time_out_is_warned_of(settings):
    assert messages_for(settings, EMAIL_BACKEND=SMTP, EMAIL_TIMEOUT=None) == ["brokerless_exports.W003"]


@pytest.mark.parametrize(
    "values",
    [
        {"EMAIL_BACKEND": SMTP, "EMAIL_TIMEOUT": 30},
        {"EMAIL_BACKEND": "django.core.mail.backends.locmem.EmailBackend", "EMAIL_TIMEOUT": None},
        {"EMAIL_BACKEND": "no.such.Backend", "EMAIL_TIMEOUT": None},
    ],
)
def test_what_ends_or_is_no_smtp_is_not(settings, values):
    assert messages_for(settings, **values) == []


@pytest.mark.parametrize(("options", "expected"), [({}, ["brokerless_exports.W003"]), ({"timeout": 30}, [])])
def test_mailers_have_their_time_out_among_their_options(settings, options, expected):
    settings.MAILERS = {"default": {"BACKEND": SMTP, "OPTIONS": options}}
    assert [message.id for message in check_mail_timeout()] == expected


def test_a_check_makes_no_directory(settings, tmp_path):
    directory = tmp_path / "mail"
    file_based = "django.core.mail.backends.filebased.EmailBackend"
    assert messages_for(settings, EMAIL_BACKEND=file_based, EMAIL_FILE_PATH=directory, EMAIL_TIMEOUT=None) == []
    assert not directory.exists()
