"""Mailed links: signed over one delivery, for a while, and revocable."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from django.core.signing import TimestampSigner
from django.utils import timezone

from brokerless.exceptions import BrokerlessError
from brokerless.exports.files import links
from brokerless.exports.models import Delivery, ExportFile
from tests.exporting.sharing import ago, make_delivery

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db


@contextmanager
def in_days(days: float) -> Iterator[None]:
    """Have signatures and rows be read so much later."""
    now = timezone.now() + timedelta(days=days)
    with (
        mock.patch("django.core.signing.time.time", return_value=now.timestamp()),
        mock.patch.object(timezone, "now", return_value=now),
    ):
        yield


def read_in_days(token: str, days: float) -> Delivery:
    with in_days(days):
        return links.read(token)


def test_a_token_leads_to_its_delivery_and_to_no_other():
    ann, ben = make_delivery("ann@example.org"), make_delivery("ben@example.org")
    assert links.read(links.sign(ann)) == ann
    assert links.read(links.sign(ben)).file == ben.file


def test_a_token_says_nothing_but_the_row_s_key():
    delivery = make_delivery("ann@example.org")
    key, _, rest = links.sign(delivery).partition(".")
    assert key == delivery.pk.hex
    assert "ann" not in rest


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token[:-1],
        lambda token: token.swapcase(),
        lambda token: token.replace(token[0], "0" if token[0] != "0" else "1", 1),
        lambda token: token.partition(".")[0],
        lambda token: "",
        lambda token: "é\0.a.b",
    ],
)
def test_a_token_that_was_changed_is_none(spoil):
    token = links.sign(make_delivery())
    assert links.read(token)
    with pytest.raises(links.LinkError, match="no such link") as caught:
        links.read(spoil(token))
    assert caught.value.status == 404


def test_a_signature_made_for_something_else_is_no_link():
    delivery = make_delivery()
    links.sign(delivery)
    other = TimestampSigner(sep=links.SEPARATOR, salt="something else").sign(delivery.pk.hex)
    with pytest.raises(links.LinkError, match="no such link"):
        links.read(other)


def test_a_token_whose_row_is_gone_is_none():
    delivery = make_delivery()
    token = links.sign(delivery)
    delivery.file.delete()
    with pytest.raises(links.LinkError, match="no such link"):
        links.read(token)


def test_a_link_lasts_as_long_as_the_settings_say_and_the_row_says_until_when(settings):
    settings.EXPORTS = settings.EXPORTS | {"LINK_DAYS": 3}
    delivery = make_delivery()
    token = links.sign(delivery)
    delivery.refresh_from_db()
    assert abs(delivery.link_expires_at - timezone.now() - timedelta(days=3)) < timedelta(minutes=1)
    assert delivery.has_open_link
    assert read_in_days(token, 2.9) == delivery
    with pytest.raises(links.SpentLink, match="has expired") as caught:
        read_in_days(token, 3.1)
    assert caught.value.status == 410


def test_a_link_lasts_no_longer_than_its_file(settings):
    delivery = make_delivery(expires_at=timezone.now() + timedelta(days=1))
    token = links.sign(delivery)
    assert delivery.link_expires_at == delivery.file.expires_at
    assert read_in_days(token, 0.9)
    with pytest.raises(links.SpentLink):
        read_in_days(token, 1.1)


def test_shorter_days_in_the_settings_hold_for_links_that_are_out_already(settings):
    token = links.sign(make_delivery())
    settings.EXPORTS = settings.EXPORTS | {"LINK_DAYS": 1}
    assert read_in_days(token, 0.9)
    with pytest.raises(links.SpentLink):
        read_in_days(token, 1.1)


def test_a_link_that_was_made_again_does_not_revive_the_first():
    delivery = make_delivery(expires_at=None)
    first = links.sign(delivery)
    with in_days(6):
        second = links.sign(delivery)
    assert read_in_days(second, 8)
    with pytest.raises(links.SpentLink):
        read_in_days(first, 8)


def test_a_revoked_link_leads_nowhere_and_no_other_is_made():
    delivery = make_delivery()
    token = links.sign(delivery)
    Delivery.objects.update(link_revoked_at=timezone.now())
    with pytest.raises(links.SpentLink, match="revoked") as caught:
        links.read(token)
    assert caught.value.status == 410
    delivery.refresh_from_db()
    assert not delivery.has_open_link
    with pytest.raises(links.SpentLink, match="revoked"):
        links.sign(delivery)


def test_who_revokes_the_links_to_a_file_revokes_those_that_are_still_to_be_made():
    delivery, other = make_delivery("ann@example.org"), make_delivery("ben@example.org")
    later = Delivery(file=delivery.file, recipient="eve@example.org")
    token = links.sign(delivery)
    assert links.revoke(pk=delivery.file.pk) == 1
    later.save()  # of a mail that was on its way: its process has read the file before
    for one in (delivery, later):
        with pytest.raises(links.SpentLink, match="revoked"):
            links.sign(one)
    with pytest.raises(links.SpentLink, match="revoked"):
        links.read(token)
    assert links.read(links.sign(other))


def test_a_link_that_is_signed_just_when_all_are_revoked_leads_nowhere():
    delivery = make_delivery()
    token = links.sign(delivery)
    ExportFile.objects.update(links_revoked_at=timezone.now())
    with pytest.raises(links.SpentLink, match="revoked"):
        links.read(token)
    assert not Delivery.objects.get().has_open_link


def test_what_was_somebody_s_has_no_links_without_them(django_user_model):
    """As when the release before this one deletes a user: that knows nothing of links."""
    ann = django_user_model.objects.create(username="ann")
    delivery = make_delivery(owner=ann, was_owned=True)
    token = links.sign(delivery)
    ExportFile.objects.update(owner=None)
    with pytest.raises(links.SpentLink, match="revoked"):
        links.read(token)
    with pytest.raises(links.SpentLink, match="revoked"):
        links.sign(delivery)


@pytest.mark.parametrize("values", [{"removed_at": timezone.now()}, {"expires_at": ago(seconds=1)}])
def test_a_link_to_a_file_that_is_over_says_so(values):
    delivery = make_delivery()
    token = links.sign(delivery)
    type(delivery.file).objects.update(**values)
    with pytest.raises(links.SpentLink, match="no longer there"):
        links.read(token)


def test_links_to_the_files_of_a_deleted_user_are_revoked(django_user_model):
    ann, ben = (django_user_model.objects.create(username=name) for name in ("ann", "ben"))
    gone, kept = links.sign(make_delivery(owner=ann)), links.sign(make_delivery(owner=ben))
    django_user_model.objects.filter(pk=ann.pk).delete()
    assert links.read(kept)
    with pytest.raises(links.SpentLink, match="revoked"):
        links.read(gone)
    assert ExportFile.objects.get(owner=None).is_orphaned  # and is not taken for one made by hand


def test_in_a_task_the_address_is_that_of_the_request(in_task, settings):
    settings.BROKERLESS = settings.BROKERLESS | {"BASE_URL": ""}
    in_task(base_url="https://books.example.org")
    url = links.absolute_url(delivery := make_delivery())
    start = "https://books.example.org/exports/shared/"
    assert url.startswith(start)
    assert links.read(url.removeprefix(start).rstrip("/")) == delivery


def test_by_hand_the_address_is_of_the_settings_with_the_prefix_of_the_site(settings):
    settings.BROKERLESS = settings.BROKERLESS | {"BASE_URL": "https://example.org/library/"}
    url = links.absolute_url(make_delivery())
    assert url.startswith("https://example.org/library/exports/shared/")


def test_without_an_address_of_the_site_no_link_is_made(settings):
    settings.BROKERLESS = settings.BROKERLESS | {"BASE_URL": ""}
    with pytest.raises(BrokerlessError, match="BASE_URL"):
        links.absolute_url(make_delivery())
