"""Who an export may be mailed to."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User

from brokerless.exports.exceptions import InvalidRecipients, PermissionRefused
from brokerless.exports.mailing.recipients import (
    check_address,
    check_recipients,
    mailbox,
    own_address,
    spellings,
    unique,
)
from tests.exporting.mailing import ANN, BEN, EVE, mail_to, make_file

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann():
    return User.objects.create_user("ann", ANN)


def permit(user: User) -> User:
    user.user_permissions.add(Permission.objects.get(codename="mail_exports_to_others"))
    return User.objects.get(pk=user.pk)  # whose permissions are read anew


def test_everybody_may_mail_to_their_own_address(ann):
    check_recipients(ann, [ANN])
    check_recipients(ann, ["Ann@Example.org"])


def test_another_s_address_needs_the_permission(ann):
    with pytest.raises(PermissionRefused, match=r"ben@example\.org.*mail_exports_to_others"):
        check_recipients(ann, [ANN, BEN])
    check_recipients(permit(ann), [ANN, BEN])


LOOKS_LIKE = str.maketrans("ſı", "si")


# KELVIN SIGN, whose small letter is k; LONG S, whose capital is S; DOTLESS I, whose capital is I.
@pytest.mark.parametrize("address", ["\u212aate@example.org", "boſs@example.org", "kıt@example.org"])
def test_an_address_that_looks_like_another_is_none(address):
    with pytest.raises(InvalidRecipients, match="no e-mail address"):
        check_recipients(User.objects.create_user("kate", mailbox(address)), [address])
    assert mailbox(address) != mailbox(address.lower().translate(LOOKS_LIKE))


@pytest.mark.parametrize(
    ("own", "address", "is_own"),
    [
        ("kate@bücher.example", "Kate@XN--BCHER-KVA.example", True),
        ("kate@xn--bcher-kva.example", "kate@Bücher.Example", True),
        ("kate@strasse.example", "kate@straße.example", False),
        ("kate@straße.example", "kate@strasse.example", False),
        ("kate@straße.example", "kate@Straße.example", True),
    ],
)
def test_a_domain_is_the_same_in_its_letters_and_as_the_dns_has_it(own, address, is_own):
    user = User.objects.create_user("kate", own)
    if is_own:
        check_recipients(user, [address])
        return
    with pytest.raises(PermissionRefused):
        check_recipients(user, [address])


def test_addresses_that_are_not_the_same_mailbox_each_get_a_mail():
    two = ["kate@straße.example", "kate@strasse.example"]
    assert unique(two) == two
    assert unique(["kate@bücher.example", "kate@xn--bcher-kva.example"]) == ["kate@bücher.example"]


@pytest.mark.parametrize("text", ["ann", "", "ann@", "ann@xn--zzzz", "ann@" + "x" * 70, "é@b..c"])
def test_nothing_that_is_compared_is_an_error(text):
    assert mailbox(text) == mailbox(text.upper().replace("É", "é"))
    assert text in spellings(text)


def test_a_user_who_has_left_may_no_more(ann):
    ann = permit(ann)
    ann.is_active = False
    with pytest.raises(PermissionRefused):
        check_recipients(ann, [BEN])


@pytest.mark.parametrize("is_anonymous", [True, False], ids=["anonymous", "no address"])
def test_who_has_no_address_has_no_own(is_anonymous):
    user = AnonymousUser() if is_anonymous else User.objects.create_user("ben")
    assert own_address(user) == ""
    with pytest.raises(PermissionRefused):
        check_recipients(user, [ANN])


def test_a_run_that_belongs_to_nobody_is_trusted_with_addresses():
    check_recipients(None, [ANN, BEN, EVE])


@pytest.mark.parametrize("is_permitted", [True, False], ids=["permitted", "by hand"])
def test_there_are_only_so_many_recipients(ann, settings, is_permitted):
    settings.EXPORTS = settings.EXPORTS | {"MAX_RECIPIENTS": 2}
    user = permit(ann) if is_permitted else None
    check_recipients(user, [ANN, BEN, "BEN@example.org"])  # who are two
    with pytest.raises(InvalidRecipients, match=r"3 addresses.* 2 at most"):
        check_recipients(user, [ANN, BEN, EVE])


@pytest.mark.parametrize(
    "text", ["ann", "", "a@b@c", "ann@example.org\nBcc: all@example.org", "a" * 250 + "@b.org"]
)
def test_what_is_no_address_is_refused_and_shown(text):
    with pytest.raises(ValueError, match="address"):
        check_address(text)
    with pytest.raises(InvalidRecipients, match="address"):
        check_recipients(None, [ANN, text])


@pytest.mark.parametrize("text", [ANN, "a" * 60 + "@" + "b" * 60 + ".org", "ann@bücher.example"])
def test_what_is_an_address_is_given_back(text):
    assert check_address(text) == text


def test_each_address_is_named_once_and_the_order_is_kept():
    assert unique([BEN, ANN, "BEN@example.org", ANN]) == [BEN, ANN]
    assert unique([]) == []


def test_the_permission_is_checked_again_when_the_mail_is_sent(ann):
    record = make_file(owner=permit(ann))
    mail_to(record, BEN)
    record = make_file(owner=ann)
    ann.user_permissions.clear()
    record.owner = User.objects.get(pk=ann.pk)
    with pytest.raises(PermissionRefused):
        mail_to(record, BEN)
    assert not record.deliveries.exists()
