"""What the mail with an export says: as text, as HTML, in whose language, with which file."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.urls import clear_url_caches
from django.utils import timezone, translation

from brokerless.context import restored
from brokerless.exports.conf import settings as export_settings
from brokerless.exports.mailing.delivery import deliver
from brokerless.exports.models import Delivery
from tests.exporting.mailing import ANN, CONTENT, html_of, mail_in_vain, mail_to, make_file, statuses

pytestmark = pytest.mark.django_db

Status = Delivery.Status


@pytest.fixture
def one_byte_limit(settings):
    settings.EXPORTS = settings.EXPORTS | {"ATTACHMENT_LIMIT": 1}


@pytest.fixture
def no_address(settings):
    settings.BROKERLESS = settings.BROKERLESS | {"BASE_URL": ""}


@pytest.fixture
def no_pages(settings):
    settings.ROOT_URLCONF = "tests.exporting.no_urls"
    clear_url_caches()


def the_mail() -> mail.EmailMultiAlternatives:
    (message,) = mail.outbox
    return message


def both() -> tuple[str, str]:
    """Return the text and the HTML of the one mail."""
    return the_mail().body, html_of(the_mail())


def test_a_file_that_fits_is_attached():
    record = make_file()
    mail_to(record)
    assert the_mail().attachments == [(record.name, CONTENT, "application/gzip")]
    assert not Delivery.objects.get().is_link
    for body in both():
        assert "books-2024-05-06.csv.gz" in body
        assert "is attached" in body


def test_a_file_that_does_not_fit_is_linked_to(one_byte_limit):
    mail_to(make_file())
    assert the_mail().attachments == []
    assert Delivery.objects.get().is_link
    for body in both():
        assert "is attached" not in body
        assert "http://127.0.0.1:8000/exports/shared/" in body


@pytest.mark.parametrize(("surplus", "is_attached"), [(0, True), (-1, False)])
def test_the_limit_itself_still_fits(settings, surplus, is_attached):
    settings.EXPORTS = settings.EXPORTS | {"ATTACHMENT_LIMIT": len(CONTENT) + surplus}
    mail_to(make_file())
    assert bool(the_mail().attachments) is is_attached


def test_the_limit_is_what_nearly_every_provider_takes():
    assert export_settings.ATTACHMENT_LIMIT == 7_000_000


def test_both_bodies_say_what_the_file_is_and_until_when_it_can_be_fetched():
    record = make_file(rows=12345, expires_at=datetime(2099, 5, 6, 7, 8, 9, tzinfo=UTC))
    record.expires_at = timezone.now() + timedelta(days=2)
    record.save()
    mail_to(record)
    until = Delivery.objects.get().link_expires_at
    assert until == record.expires_at  # before the link's own end
    for body in both():
        assert "Books, English" in body
        assert "12,345" in body
        assert "CSV" in body
        assert hashlib.sha256(CONTENT).hexdigest() in body
        assert "gzip" in body
        assert timezone.localtime(until).strftime("%H:%M:%S") in body


@pytest.mark.parametrize(("rows", "words"), [(0, "no rows"), (1, ": 1 row."), (2, ": 2 rows.")])
def test_the_text_counts_the_rows(rows, words):
    mail_to(make_file(rows=rows))
    assert words in the_mail().body
    assert ("no rows" in html_of(the_mail())) is (rows == 0)


@pytest.mark.parametrize(
    ("name", "file_format", "kind"),
    [
        ("books.xlsx", "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("books.parquet", "parquet", "application/vnd.apache.parquet"),
        ("books.jsonl.gz", "jsonl", "application/gzip"),
    ],
)
def test_each_format_is_attached_as_what_it_is(name, file_format, kind):
    mail_to(make_file(name=name, format=file_format))
    assert the_mail().attachments == [(name, CONTENT, kind)]
    assert ("gzip" in the_mail().body) is name.endswith(".gz")


@pytest.mark.parametrize(("name", "kind"), [("csv", "text/csv"), ("tsv", "text/tab-separated-values")])
def test_a_text_is_attached_byte_for_byte(name, kind):
    content = "title\nÜlysses\r\n".encode()
    mail_to(make_file(content, name=f"books.{name}", format=name))
    (part,) = the_mail().attachments
    assert (part.get_content_type(), part.get_filename()) == (kind, f"books.{name}")
    assert part["Content-Transfer-Encoding"] == "base64"
    assert part.get_payload(decode=True) == content


def test_a_name_that_is_no_ascii_is_kept():
    mail_to(make_file(b"a\n", name="bücher.csv", format="csv"))
    assert the_mail().attachments[0].get_filename() == "bücher.csv"


@pytest.mark.parametrize("title", ["a\r\nBcc: all@example.org", "a\nb", "\u2028x", "ünïcode 📚", "x" * 200])
def test_a_title_cannot_add_headers(title):
    deliver(make_file(), [ANN], title=title)
    message = the_mail().message()
    assert message["Bcc"] is None
    assert "\n" not in the_mail().subject
    assert the_mail().recipients() == [ANN]


def test_a_title_is_no_html():
    deliver(make_file(), [ANN], title="<b>&")
    text, html = both()
    assert "<b>&: 1 row." in text
    assert "&lt;b&gt;&amp;" in html
    assert "<b>" not in html


def test_the_html_needs_nothing_from_elsewhere():
    mail_to(make_file())
    html = html_of(the_mail())
    assert not any(word in html for word in ("<script", "<img", "<link", "src=", "@import"))
    assert html.count("http") == 1  # the link


@pytest.mark.parametrize(("language", "number", "month"), [("de", "12.345", "Mai"), ("en", "12,345", "May")])
def test_the_mail_is_in_the_language_and_zone_of_who_asked(in_task, settings, language, number, month):
    settings.EXPORTS = settings.EXPORTS | {"LINK_DAYS": 100_000}
    record = make_file(rows=12345, expires_at=datetime(2099, 5, 6, 22, 8, 9, tzinfo=UTC))
    task = in_task(language=language, time_zone="Asia/Tokyo")
    with translation.override("fr"), restored(task.context):
        mail_to(record)
    for body in both():
        assert number in body
        assert month in body
        assert "07:08:09 JST" in body
    assert f'<html lang="{language}">' in html_of(the_mail())


@pytest.mark.parametrize(
    ("site_url", "base"),
    [("", "https://asked.example.org"), ("https://set.example.org", "https://set.example.org")],
)
def test_in_a_task_the_link_is_below_the_address_of_its_request(in_task, settings, one_byte_limit, site_url, base):
    settings.BROKERLESS = settings.BROKERLESS | {"BASE_URL": site_url}
    in_task(base_url="https://asked.example.org", path="/exports/books/")
    mail_to(make_file())
    assert f"\n{base}/exports/shared/" in the_mail().body


def test_the_link_of_a_mail_leads_to_its_recipient_s_delivery(one_byte_limit, client):
    record = make_file(expires_at=timezone.now() + timedelta(days=1))
    mail_to(record)
    url = next(line for line in the_mail().body.splitlines() if line.startswith("http"))
    response = client.get(url.removeprefix("http://127.0.0.1:8000"))
    assert response.status_code == 200
    assert record.sha256 in response.content.decode()


def test_without_any_address_of_the_site_the_remedy_is_said_and_a_retry_sends_it(
    one_byte_limit, no_address, settings
):
    record = make_file()
    assert "BROKERLESS['BASE_URL'] is not set" in mail_in_vain(record)
    assert mail.outbox == []
    assert statuses(record) == {ANN: Status.WAITING}
    settings.BROKERLESS = settings.BROKERLESS | {"BASE_URL": "https://set.example.org"}
    mail_to(record)
    assert "https://set.example.org/exports/shared/" in the_mail().body


@pytest.mark.usefixtures("no_address")
def test_a_file_that_is_attached_needs_no_link():
    mail_to(make_file())
    assert the_mail().attachments
    assert not any("http" in body for body in both())
    assert not any("fetched" in body for body in both())


def test_a_site_without_the_pages_of_exports_is_told_so(one_byte_limit, no_pages):
    record = make_file()
    assert "does not include brokerless.exports.urls" in mail_in_vain(record)
    assert statuses(record) == {ANN: Status.WAITING}


@pytest.mark.usefixtures("no_pages")
def test_a_site_without_the_pages_of_exports_can_still_attach():
    mail_to(make_file())
    assert the_mail().attachments


def test_a_stored_file_that_is_gone_is_said_without_its_path(export_directory):
    record = make_file()
    record.storage.delete(record.storage_name)
    text = mail_in_vain(record)
    assert "the stored file cannot be read: No such file or directory" in text
    assert str(export_directory) not in text
    assert statuses(record) == {ANN: Status.WAITING}


def test_a_broken_template_of_the_site_is_said_and_nothing_is_sent(settings, tmp_path):
    path = tmp_path / "brokerless_exports" / "mail" / "body.txt"
    path.parent.mkdir(parents=True)
    path.write_text("{% nonsense %}")
    settings.TEMPLATES = [settings.TEMPLATES[0] | {"DIRS": [tmp_path]}]
    record = make_file()
    assert "nonsense" in mail_in_vain(record)
    assert statuses(record) == {ANN: Status.WAITING}


def test_a_sender_that_no_mail_may_have_is_said_and_leaves_no_doubt(settings):
    settings.DEFAULT_FROM_EMAIL = "library@example.org\nBcc: all@example.org"
    record = make_file()
    assert "was not sent: " in mail_in_vain(record)
    assert mail.outbox == []
    assert statuses(record) == {ANN: Status.WAITING}
