"""How the example site's mail is configured by the environment: no code for any provider."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
SHOW = """
import json, sys
from django.conf import settings
from django.core.mail import get_connection
connection = get_connection()
print(json.dumps({
    "backend": f"{type(connection).__module__}.{type(connection).__name__}",
    "connection": {name: str(value) for name, value in vars(connection).items() if name in sys.argv[1:]},
    "anymail": settings.ANYMAIL,
}))
"""


@pytest.fixture
def mail_settings(tmp_path):
    """Return the function that shows what a process with that environment would send its mail with."""

    def show(*attributes: str, **environment: str) -> dict:
        mail = ("EMAIL_", "ANYMAIL_")
        rest = {name: value for name, value in os.environ.items() if not name.startswith(mail)}
        variables = {"DJANGO_SETTINGS_MODULE": "library.settings", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", SHOW, *attributes],
            env=rest | variables | environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return json.loads(done.stdout)

    return show


def test_without_anything_each_mail_is_written_into_a_file_beside_manage_py(mail_settings):
    shown = mail_settings("file_path")
    assert shown["backend"] == "django.core.mail.backends.filebased.EmailBackend"
    assert shown["connection"] == {"file_path": str(ROOT / "var" / "mail")}
    assert shown["anymail"] == {}


def test_the_directory_of_the_mails_can_be_another(mail_settings, tmp_path):
    shown = mail_settings("file_path", EMAIL_FILE_PATH=str(tmp_path / "mails"))
    assert shown["connection"] == {"file_path": str(tmp_path / "mails")}


def test_a_provider_of_anymail_is_two_variables(mail_settings):
    shown = mail_settings(
        "server_token",
        EMAIL_BACKEND="anymail.backends.postmark.EmailBackend",
        ANYMAIL_POSTMARK_SERVER_TOKEN="a token",
    )
    assert shown["backend"] == "anymail.backends.postmark.EmailBackend"
    assert shown["connection"] == {"server_token": "a token"}
    assert shown["anymail"] == {"POSTMARK_SERVER_TOKEN": "a token"}


def test_settings_of_anymail_that_are_no_text_have_their_types(mail_settings):
    shown = mail_settings(
        ANYMAIL_REQUESTS_TIMEOUT="5",
        ANYMAIL_IGNORE_UNSUPPORTED_FEATURES="false",
        ANYMAIL_SEND_DEFAULTS='{"tags": ["library"]}',
        ANYMAIL_MAILJET_API_KEY="123",
    )
    assert shown["anymail"] == {
        "REQUESTS_TIMEOUT": 5.0,
        "IGNORE_UNSUPPORTED_FEATURES": False,
        "SEND_DEFAULTS": {"tags": ["library"]},
        "MAILJET_API_KEY": "123",
    }


def test_an_empty_url_is_none(mail_settings):
    assert mail_settings(EMAIL_URL="")["backend"].endswith("filebased.EmailBackend")


def test_another_provider_is_two_others(mail_settings):
    shown = mail_settings(
        "api_key",
        "sender_domain",
        EMAIL_BACKEND="anymail.backends.mailgun.EmailBackend",
        ANYMAIL_MAILGUN_API_KEY="0123",
        ANYMAIL_MAILGUN_SENDER_DOMAIN="mail.example.org",
    )
    assert shown["connection"] == {"api_key": "0123", "sender_domain": "mail.example.org"}


@pytest.mark.parametrize(
    ("url", "connection"),
    [
        (
            "smtp://mail.example.org:2525",
            {"host": "mail.example.org", "port": "2525", "use_tls": "False", "use_ssl": "False", "timeout": "30"},
        ),
        (
            "smtp+tls://ann%40example.org:a%2Fsecret@mail.example.org:587",
            {"username": "ann@example.org", "password": "a/secret", "port": "587", "use_tls": "True"},
        ),
        ("smtp+ssl://mail.example.org:465", {"port": "465", "use_ssl": "True"}),
    ],
)
def test_an_smtp_server_is_one_url(mail_settings, url, connection):
    shown = mail_settings(*connection, EMAIL_URL=url)
    assert shown["backend"] == "django.core.mail.backends.smtp.EmailBackend"
    assert shown["connection"] == connection
