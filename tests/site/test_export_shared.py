"""`/exports/shared/<token>/`: the page behind a mailed link, and who gets the file from it."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.utils import timezone

from brokerless.exports.files import links, sharing
from brokerless.exports.models import Delivery, ExportFile

if TYPE_CHECKING:
    from django.contrib.auth.models import User

DATA = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(DATA).hexdigest()
STRANGER = "eve@elsewhere.example"


@pytest.fixture
def share(make_file, ann):
    """Return the function that makes a file with a delivery, and gives the address of its link."""

    def make(recipient: str = STRANGER, *, owner: User | None = ann, **values) -> str:
        week = timezone.now() + timedelta(days=7)
        record = make_file(owner, DATA, sha256=SHA256, rows=4321, expires_at=week, **values)
        delivery = Delivery.objects.create(file=record, recipient=recipient, status=Delivery.Status.SENT)
        return f"/exports/shared/{links.sign(delivery)}/"

    return make


def is_given(client: Client, url: str) -> bool:
    response = client.post(url)
    if response.status_code != 200:
        return False
    assert response.getvalue() == DATA
    return True


def test_the_page_says_what_it_leads_to_and_has_a_button(visitor, share):
    page = visitor.get(share())
    assert page.status_code == 200
    text = page.content.decode()
    for part in ("books.csv.gz", "4,321", SHA256, STRANGER, "Can be fetched until", '<form method="post">'):
        assert part in text


def test_the_button_sends_the_file_as_often_as_it_is_pressed(visitor, share):
    url = share()
    for _ in range(3):
        response = visitor.post(url)
        assert response.status_code == 200
        assert response.getvalue() == DATA
        assert response["Content-Type"] == "application/gzip"
        assert response["Content-Disposition"] == 'attachment; filename="books.csv.gz"'
        assert not response.has_header("Content-Encoding")


def test_a_program_that_looks_through_mails_neither_gets_nor_spends_it(visitor, share):
    url = share()
    before = Delivery.objects.values().get(), ExportFile.objects.values().get()
    for ask in (visitor.get, visitor.head):
        response = ask(url)
        assert response.status_code == 200
        assert DATA[:100] not in response.content
        assert not response.has_header("Content-Disposition")
    assert (Delivery.objects.values().get(), ExportFile.objects.values().get()) == before
    assert is_given(visitor, url)


@pytest.mark.parametrize("method", ["get", "post"])
def test_neither_caches_nor_search_engines_nor_other_sites_learn_of_it(visitor, share, method):
    response = getattr(visitor, method)(share())
    assert response["Cache-Control"] == "private, no-store"
    # With `no-referrer` browsers would send the form with `Origin: null`, which Django refuses.
    assert response["Referrer-Policy"] == "same-origin"
    assert response["X-Robots-Tag"] == "noindex, nofollow"
    response.close()


def test_the_form_is_protected_from_other_sites(site, share):
    client = Client(enforce_csrf_checks=True)
    url = share()
    assert client.post(url).status_code == 403
    client.get(url)
    token = client.cookies["csrftoken"].value
    response = client.post(url, {"csrfmiddlewaretoken": token})
    assert response.status_code == 200
    response.close()


@pytest.mark.parametrize("token", ["x", "a.b.c", "é", "0" * 32 + ".1.x", "%00"])
def test_a_broken_link_is_not_found(visitor, share, token):
    share()
    for ask in (visitor.get, visitor.post):
        assert ask(f"/exports/shared/{token}/").status_code == 404


def test_a_link_that_is_cut_or_changed_is_not_found(visitor, share):
    url = share()
    assert visitor.get(url[:-3] + "/").status_code == 404
    assert visitor.get(url).status_code == 200


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda: Delivery.objects.update(link_revoked_at=timezone.now()), "revoked"),
        (lambda: Delivery.objects.update(link_expires_at=timezone.now()), "has expired"),
        (lambda: ExportFile.objects.update(removed_at=timezone.now()), "no longer there"),
        (lambda: ExportFile.objects.update(expires_at=timezone.now()), "no longer there"),
        (lambda: ExportFile.objects.update(exporter="films"), "no longer offered"),
    ],
)
def test_a_link_that_is_over_says_why(visitor, site, share, change, text):
    url = share()
    assert visitor.get(url).status_code == 200
    change()
    for ask in (visitor.get, visitor.post):
        response = ask(url)
        assert response.status_code == 410
        assert text in response.content.decode()
        assert response["Cache-Control"] == "private, no-store"
        assert STRANGER not in response.content.decode()
    problem = visitor.get(url, headers={"Accept": "application/json"})
    assert problem.json()["status"] == 410


def test_a_file_that_is_gone_from_the_storage_is_said(visitor, share):
    url = share()
    record = ExportFile.objects.get()
    record.storage.delete(record.storage_name)
    assert visitor.post(url).status_code == 410


# Recipients who have an account.


def test_a_recipient_with_an_account_logs_in_first_and_comes_back(visitor, bob, share):
    url = share("Bob@Example.org")
    for ask in (visitor.get, visitor.post):
        response = ask(url)
        assert (response.status_code, response.url) == (302, f"/login/?next={url}")
    assert visitor.get(url, headers={"Accept": "application/json"}).status_code == 401


def test_a_recipient_with_an_account_gets_the_file_as_that_user(bob, browser_of, share):
    url = share("Bob@Example.org")
    assert browser_of(bob).get(url).status_code == 200
    assert is_given(browser_of(bob), url)


def test_another_user_does_not_get_what_was_sent_to_somebody_with_an_account(browser, bob, share):
    response = browser.get(share("bob@example.org"))
    assert response.status_code == 403
    assert "sent to somebody else" in response.content.decode()
    assert "bob@example.org" not in response.content.decode()
    assert not is_given(browser, share("bob@example.org", name="b.csv.gz"))


def test_of_several_accounts_with_the_address_each_may(person, browser_of, share):
    first, second = person("first", "view_book"), person("second", "view_book")
    for user in (first, second):
        user.email = "both@example.org"
        user.save()
    url = share("both@example.org")
    assert is_given(browser_of(first), url)
    assert is_given(browser_of(second), url)


def test_a_recipient_s_permission_is_asked_for(bob, browser_of, share):
    url = share("bob@example.org")
    bob.user_permissions.clear()
    assert browser_of(bob).get(url).status_code == 403
    assert not is_given(browser_of(bob), url)


def test_nobody_fetches_in_the_place_of_an_account_that_is_locked(visitor, bob, browser_of, share):
    url = share("bob@example.org")
    client = browser_of(bob)
    bob.is_active = False
    bob.save()
    assert visitor.post(url).status_code == 302
    assert client.post(url).status_code == 302


@pytest.mark.parametrize(
    ("stored", "mailed"),
    [
        ("bob@bücher.example", "bob@xn--bcher-kva.example"),
        ("Bob@XN--bcher-kva.example", "bob@bücher.example"),
        ("bob@bücher.example", "BOB@bücher.example"),
    ],
)
def test_an_account_is_found_by_both_spellings_of_its_domain(visitor, bob, browser_of, share, stored, mailed):
    type(bob).objects.filter(pk=bob.pk).update(email=stored)
    url = share(mailed)
    assert visitor.get(url).status_code == 302
    assert is_given(browser_of(bob), url)


def test_an_account_with_an_address_that_only_looks_like_it_does_not_get_the_file_in_its_place(
    bob, person, browser_of, share, monkeypatch
):
    # As a database finds it to which both have the same capitals; SQLite does not.
    monkeypatch.setattr(sharing, "spellings", lambda address: {address, "kıt@example.org"})
    type(bob).objects.filter(pk=bob.pk).update(email="kit@example.org")
    other = person("other", "view_book")
    type(other).objects.filter(pk=other.pk).update(email="kıt@example.org")
    url = share("kit@example.org")
    assert browser_of(other).get(url).status_code == 403
    assert is_given(browser_of(bob), url)


# Recipients who have none.


def test_a_recipient_without_an_account_gets_the_file(visitor, share):
    assert is_given(visitor, share())


def test_a_recipient_without_an_account_may_be_logged_in_as_somebody_else(bob, browser_of, share):
    assert is_given(browser_of(bob), share())


@pytest.mark.parametrize(
    "lose",
    [
        lambda owner: owner.user_permissions.clear(),
        lambda owner: type(owner).objects.filter(pk=owner.pk).update(is_active=False),
    ],
)
def test_what_the_owner_may_not_have_any_more_strangers_do_not_get(visitor, ann, share, lose):
    url = share()
    assert is_given(visitor, url)
    lose(ann)
    response = visitor.post(url)
    assert response.status_code == 403
    assert "may not give the file out any more" in response.content.decode()


def test_an_owner_who_is_locked_gives_nothing_out_whatever_a_backend_says(visitor, ann, share, monkeypatch):
    url = share()
    monkeypatch.setattr(type(ann), "has_perm", lambda *_: True)
    assert is_given(visitor, url)
    type(ann).objects.update(is_active=False)
    assert visitor.post(url).status_code == 403


def test_the_links_of_an_owner_who_was_deleted_lead_nowhere(visitor, ann, share):
    url = share()
    ann.delete()
    assert ExportFile.objects.get().owner is None
    assert visitor.post(url).status_code == 410


def test_a_link_from_the_last_moment_of_an_owner_leads_nowhere(visitor, ann, share):
    """A mail that was on its way when they were deleted, by the release before this one, too."""
    url = share(was_owned=True)
    ExportFile.objects.update(owner=None)
    assert visitor.post(url).status_code == 410


def test_what_nobody_s_task_made_is_given_out(visitor, share):
    assert is_given(visitor, share(owner=None))


# Only with a login.


@pytest.fixture
def strict(settings):
    settings.EXPORTS = settings.EXPORTS | {"LINKS_REQUIRE_LOGIN": True}


def test_a_site_may_want_a_login_of_everybody(strict, visitor, bob, browser_of, share):
    url = share()
    assert visitor.get(url).status_code == 302
    assert visitor.post(url).status_code == 302
    assert is_given(browser_of(bob), url)


def test_with_a_login_the_permission_of_whoever_logs_in_counts(strict, person, browser_of, share):
    url = share()
    nobody = person("nobody")
    assert browser_of(nobody).get(url).status_code == 403
    assert not is_given(browser_of(nobody), url)


# Revoking.


def revoke_url() -> str:
    return f"/exports/files/{ExportFile.objects.get().pk}/revoke-links/"


def test_the_owner_revokes_the_links_from_the_page_about_the_file(visitor, browser, share):
    url = share()
    page = browser.get(f"/exports/files/{ExportFile.objects.get().pk}/about/").content.decode()
    assert f'action="{revoke_url()}"' in page
    response = browser.post(revoke_url(), follow=True)
    assert response.redirect_chain == [(f"/exports/files/{ExportFile.objects.get().pk}/about/", 303)]
    text = response.content.decode()
    assert "1 link was revoked." in text
    assert "Revoked" in text
    assert "Revoke all links" not in text
    assert visitor.get(url).status_code == 410
    # The owner has the file still.
    response = browser.get(ExportFile.objects.get().get_absolute_url())
    assert response.status_code == 200
    response.close()


def test_there_is_nothing_to_revoke_once_the_file_is_over(browser, share):
    share()
    page = f"/exports/files/{ExportFile.objects.get().pk}/about/"
    assert "Revoke all links" in browser.get(page).content.decode()
    ExportFile.objects.update(expires_at=timezone.now())
    assert "Revoke all links" not in browser.get(page).content.decode()


def test_a_program_revokes_links_too(visitor, program, share):
    url = share()
    found = program.post(revoke_url())
    assert found.status_code == 200
    assert found.json()["deliveries"][0]["link_revoked_at"]
    assert visitor.get(url).status_code == 410


def test_only_the_owner_and_staff_revoke_links(visitor, bob, browser_of, person, share):
    url = share()
    assert browser_of(bob).post(revoke_url()).status_code == 404
    assert visitor.post(revoke_url()).status_code == 302
    assert visitor.get(url).status_code == 200
    permitted = person("auditor", "view_exportfile", "view_book", is_staff=True)
    assert browser_of(permitted).post(revoke_url()).status_code == 303
    assert visitor.get(url).status_code == 410


def test_links_are_not_revoked_by_looking(browser, visitor, share):
    url = share()
    assert browser.get(revoke_url()).status_code == 405
    assert visitor.get(url).status_code == 200
