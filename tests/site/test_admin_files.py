"""Export files in the admin: who sees them, removes them, and revokes their links."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import override_settings
from django.utils import timezone

from brokerless.exports.models import Delivery, ExportFile
from tests.site.admin_parts import FILES, act, said
from tests.site.conftest import client_of

VIEW, CHANGE, DELETE = "view_exportfile", "change_exportfile", "delete_exportfile"


@pytest.fixture
def record(make_file, ann):
    return make_file(ann, title="<b>All</b> books", filters={"language": "eng"})


@pytest.fixture
def delivery(record):
    now = timezone.now()
    return Delivery.objects.create(
        file=record,
        recipient="eve@example.org",
        status="SENT",
        sent_at=now,
        link_expires_at=now + timedelta(days=1),
    )


def shown(response) -> set[str]:
    return {record.name for record in response.context["cl"].result_list}


def test_the_list_says_whose_what_and_until_when(admin_of, record):
    text = admin_of(VIEW).get(FILES).content.decode()
    for expected in ("&lt;b&gt;All&lt;/b&gt; books", "ann", "csv", "11\xa0bytes", "Ready"):
        assert expected in text


def test_the_list_takes_few_queries(admin_of, make_file, ann, django_assert_max_num_queries):
    for _ in range(20):
        make_file(ann)
    browser = admin_of(VIEW)
    with django_assert_max_num_queries(10):
        browser.get(FILES)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?state=ready", {"ready", "revoked"}),
        ("?state=making", {"making"}),
        ("?state=expired", {"expired"}),
        ("?state=removed", {"removed"}),
        ("?state=revoked", {"revoked"}),
        ("?format=xlsx", {"ready"}),
        ("?exporter=authors", {"expired"}),
        ("?q=ann", {"ready"}),
        ("?q=remov", {"removed"}),
    ],
)
def test_the_list_is_narrowed_down(admin_of, make_file, ann, query, expected):
    now = timezone.now()
    make_file(ann, name="ready", format="xlsx")
    make_file(name="making", ready_at=None)
    make_file(name="expired", expires_at=now, exporter="authors")
    make_file(name="removed", removed_at=now)
    make_file(name="revoked", links_revoked_at=now)
    assert shown(admin_of(VIEW).get(FILES + query)) == expected


def test_a_file_is_shown_with_its_mails_and_without_its_place(admin_of, record, delivery, export_directory):
    text = admin_of(VIEW).get(f"{FILES}{record.pk}/change/").content.decode()
    assert "eve@example.org" in text
    assert "&quot;language&quot;: &quot;eng&quot;" in text
    assert f'href="/exports/files/{record.pk}/about/"' in text
    assert str(export_directory) not in text
    assert record.storage_name not in text


def test_who_may_use_the_exporter_has_a_link_to_the_file(admin_of, record):
    url = f'href="/exports/files/{record.pk}/"'
    page = f"{FILES}{record.pk}/change/"
    assert url in admin_of(VIEW, "view_book").get(page).content.decode()
    assert url not in admin_of(VIEW, name="other").get(page).content.decode()
    ExportFile.objects.update(expires_at=timezone.now())
    assert url not in admin_of(VIEW, "view_book", name="late").get(page).content.decode()


def test_a_site_without_the_pages_has_no_link_to_the_file(admin_of, record):
    with override_settings(ROOT_URLCONF="tests.probes.admin_urls"):
        text = admin_of(VIEW, "view_book").get(f"{FILES}{record.pk}/change/").content.decode()
    assert "books.csv.gz" in text
    assert "/exports/" not in text


def test_files_are_removed_from_the_list_and_their_links_with_them(
    admin_of, record, delivery, make_file, django_capture_on_commit_callbacks
):
    gone = make_file(removed_at=timezone.now())
    with django_capture_on_commit_callbacks(execute=True):
        response = act(admin_of(VIEW, DELETE), "remove_selected", record, gone, url=FILES)
    assert said(response) == [
        "1 file was removed: nobody can fetch it any more.",
        "1 file could not be fetched anyway.",
    ]
    record.refresh_from_db()
    delivery.refresh_from_db()
    assert record.removed_at
    assert delivery.link_revoked_at
    assert not record.storage.exists(record.storage_name)
    assert ExportFile.objects.count() == 2
    assert LogEntry.objects.get().object_id == str(record.pk)


def test_links_are_revoked_from_the_list_and_the_file_stays(admin_of, record, delivery):
    response = act(admin_of(VIEW, CHANGE), "revoke_selected", record, url=FILES)
    assert said(response) == ["1 link was revoked."]
    record.refresh_from_db()
    assert record.links_revoked_at
    assert record.storage.exists(record.storage_name)


@pytest.mark.parametrize(("name", "permission"), [("remove", DELETE), ("revoke", CHANGE)])
def test_a_button_takes_its_own_permission(admin_of, record, delivery, name, permission):
    page, url = f"{FILES}{record.pk}/change/", f"{FILES}{record.pk}/{name}/"
    other = admin_of(VIEW, CHANGE if permission == DELETE else DELETE, name="other")
    assert f'action="{url}"' not in other.get(page).content.decode()
    assert other.post(url).status_code == 403
    act(other, f"{name}_selected", record, url=FILES)
    record.refresh_from_db()
    assert (record.removed_at, record.links_revoked_at) == (None, None)
    browser = admin_of(VIEW, permission)
    assert f'action="{url}"' in browser.get(page).content.decode()
    assert browser.get(url).status_code == 405
    assert browser.post(url)["Location"] == page
    record.refresh_from_db()
    assert record.links_revoked_at
    assert record.is_expired == (name == "remove")
    assert LogEntry.objects.get().object_id == str(record.pk)


@pytest.mark.parametrize("name", ["remove", "revoke"])
def test_to_act_is_not_to_see(admin_of, record, name):
    browser = admin_of(CHANGE, DELETE)
    assert browser.post(f"{FILES}{record.pk}/{name}/").status_code == 403
    assert browser.get(FILES).status_code == 403


@pytest.mark.parametrize("name", ["remove", "revoke"])
def test_staff_may_act_on_their_own_files(person, make_file, name):
    boss = person("boss", VIEW, is_staff=True)
    own, url = make_file(boss), "{}{}/{}/"
    assert client_of(boss).post(url.format(FILES, own.pk, name)).status_code == 302
    others = make_file()
    assert client_of(boss).post(url.format(FILES, others.pk, name)).status_code == 403


def test_nothing_is_done_without_the_forms_token(person, record):
    browser = client_of(person("boss", VIEW, DELETE, is_staff=True), enforce_csrf_checks=True)
    assert browser.post(f"{FILES}{record.pk}/remove/").status_code == 403


def test_no_record_is_added_changed_or_deleted(admin_of, record, delivery):
    everything = [
        f"{verb}_{model}" for verb in ("add", "change", "delete", "view") for model in ("exportfile", "delivery")
    ]
    browser = admin_of(*everything)
    assert browser.get(f"{FILES}add/").status_code == 403
    assert browser.post(f"{FILES}{record.pk}/change/", {"name": "mine"}).status_code == 403
    assert browser.post(f"{FILES}{record.pk}/delete/", {"post": "yes"}).status_code == 403
    act(browser, "delete_selected", record, url=FILES, post="yes")
    assert Delivery.objects.get().file.name == "books.csv.gz"
