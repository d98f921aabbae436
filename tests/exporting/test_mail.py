"""The mail that delivers an export: what is in it, and what becomes of the file if it cannot be sent."""

from __future__ import annotations

import gzip

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.utils import translation

from brokerless.context import restored
from brokerless.exceptions import LeaseLost
from brokerless.exports.conf import settings as export_settings
from brokerless.exports.models import ExportFile
from tests.exporting.making import make_book, make_many_books
from tests.exporting.reading import names_in, read_csv, stored_bytes

pytestmark = pytest.mark.django_db

TO_ANN = ("--email", "ann@example.org")


@pytest.fixture
def one_byte_limit(settings):
    settings.EXPORTS = settings.EXPORTS | {"ATTACHMENT_LIMIT": 1}


def the_mail():
    (message,) = mail.outbox
    return message


def test_a_file_that_fits_is_attached(export):
    make_many_books(3)
    export(*TO_ANN)
    record = ExportFile.objects.get()
    ((name, content, kind),) = the_mail().attachments
    assert (name, kind) == (record.name, "application/gzip")
    assert content == stored_bytes(record)
    assert len(read_csv(gzip.decompress(content))) == 3
    assert "http" not in the_mail().body


def test_the_body_says_what_the_file_is(export):
    make_many_books(2)
    export("--language", "eng", *TO_ANN)
    body = the_mail().body
    assert "Books (language: eng): 2 rows." in body
    assert f"SHA-256: {ExportFile.objects.get().sha256}" in body


def test_one_row_is_no_plural(export):
    make_book()
    export(*TO_ANN)
    assert "Books: 1 row." in the_mail().body


@pytest.mark.parametrize(("surplus", "is_attached"), [(0, True), (-1, False)])
def test_the_limit_itself_still_fits(export, settings, surplus, is_attached):
    export()
    size = ExportFile.objects.get().bytes
    settings.EXPORTS = settings.EXPORTS | {"ATTACHMENT_LIMIT": size + surplus}
    export(*TO_ANN)
    assert bool(the_mail().attachments) is is_attached


def test_the_limit_is_what_every_provider_takes():
    assert export_settings.ATTACHMENT_LIMIT == 7_000_000


def test_by_hand_a_large_file_is_linked_to_below_the_site_s_address(export, settings, one_byte_limit):
    settings.BROKERLESS = settings.BROKERLESS | {"BASE_URL": "https://books.example.org"}
    export(*TO_ANN)
    record = ExportFile.objects.get()
    assert the_mail().attachments == []
    assert f"\nhttps://books.example.org/exports/files/{record.pk}/\n" in the_mail().body
    assert "staff can fetch it here" in the_mail().body  # who asked for it is not known


@pytest.mark.parametrize(
    ("site_url", "base"),
    [("", "https://asked.example.org"), ("https://set.example.org", "https://set.example.org")],
)
def test_in_a_task_it_is_linked_to_by_the_task_s_page(export, settings, in_task, one_byte_limit, site_url, base):
    settings.BROKERLESS = settings.BROKERLESS | {"BASE_URL": site_url}
    task = in_task(base_url="https://asked.example.org", path="/exports/books/")
    export(*TO_ANN)
    assert f"\n{base}/tasks/{task.id}/\n" in the_mail().body


def test_without_any_address_of_the_site_the_file_is_kept_and_the_remedy_said(export, settings, one_byte_limit):
    settings.BROKERLESS = settings.BROKERLESS | {"BASE_URL": ""}
    with pytest.raises(CommandError, match=r"The file is ready, but .* BROKERLESS\['BASE_URL'\] is not set"):
        export(*TO_ANN)
    assert mail.outbox == []
    assert ExportFile.objects.get().is_ready


@pytest.mark.parametrize("title", ["a\r\nBcc: all@example.org", "a\nb", "\u2028x", "ünïcode 📚"])
def test_a_search_text_cannot_add_headers(export, title):
    export("--q", title, *TO_ANN)
    message = the_mail().message()
    assert message["Bcc"] is None
    assert "\n" not in the_mail().subject
    assert the_mail().recipients() == ["ann@example.org"]


@pytest.mark.parametrize("address", ["ann@example.org\nBcc: all@example.org", "ann", "", "a@b@c"])
def test_an_address_from_code_that_is_none_is_refused(address):
    with pytest.raises(CommandError, match=r"(?s)The file is ready, but .* is no e-mail address"):
        call_command("export_books", email=[address])
    assert mail.outbox == []
    assert ExportFile.objects.get().is_ready


def test_the_subject_of_a_long_search_is_cut(export):
    export("--q", "x" * 5000, *TO_ANN)
    assert len(the_mail().subject) < 250
    the_mail().message()


@pytest.fixture
def language_template(settings, tmp_path):
    """Have the body say which language it is in."""
    path = tmp_path / "templates" / "brokerless_exports" / "mail" / "body.txt"
    path.parent.mkdir(parents=True)
    path.write_text("{% load i18n %}{% get_current_language as code %}{{ code }} {{ file.created_at|date:'F' }}")
    settings.TEMPLATES = [settings.TEMPLATES[0] | {"DIRS": [tmp_path / "templates"]}]


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_mail_is_in_the_language_of_who_asked(export, in_task, language_template, language):
    task = in_task(language=language)
    with translation.override("fr"), restored(task.context):
        export(*TO_ANN)
    assert the_mail().body.startswith(f"{language} ")


def test_in_a_task_the_lease_is_renewed_before_the_mail(export, in_task):
    task = in_task()
    export(*TO_ANN)
    assert task._end.renewals == 2  # before the file got its name, and before the mail


def test_a_task_that_lost_its_lease_mails_nothing(export, in_task, monkeypatch):
    task = in_task()
    renew = task._end.renew_lease

    def renew_once():
        renew()
        task._end.lost = LeaseLost("somebody else's")

    monkeypatch.setattr(task._end, "renew_lease", renew_once)
    with pytest.raises(LeaseLost):
        export(*TO_ANN)
    assert mail.outbox == []


@pytest.mark.parametrize(
    ("backend", "reason"),
    [
        ("tests.exporting.mail_backends.RefusingBackend", "All message recipients were rejected"),
        ("tests.exporting.mail_backends.FailingBackend", "quota exceeded"),
        ("no.such.Backend", "No module named 'no'"),
        ("anymail.backends.postmark.EmailBackend", "POSTMARK_SERVER_TOKEN"),
    ],
)
def test_a_mail_that_fails_keeps_the_file_and_says_why(
    export, in_task, settings, export_directory, backend, reason
):
    settings.EMAIL_BACKEND = backend
    settings.ANYMAIL = {}
    make_many_books(2)
    task = in_task()
    with pytest.raises(CommandError) as caught:
        export(*TO_ANN)
    text = str(caught.value)
    assert text.startswith("The file is ready, but the mail to ann@example.org was not sent: ")
    assert reason in text
    record = ExportFile.objects.get()
    assert record.is_ready
    assert names_in(export_directory) == [record.storage_name]
    assert task.result["download"] == f"/exports/files/{record.pk}/"
    assert "mailed_to" not in task.result


def test_a_backend_of_anymail_that_takes_it_sends_the_same_mail(export, settings):
    settings.EMAIL_BACKEND = "anymail.backends.test.EmailBackend"
    export(*TO_ANN)
    assert the_mail().anymail_status.status == {"sent"}
    (attachment,) = the_mail().anymail_test_params["attachments"]
    assert attachment.mimetype == "application/gzip"
