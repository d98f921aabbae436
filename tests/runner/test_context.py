"""Each part of a request's context, captured in the view and restored in the command process."""

from __future__ import annotations

import os

import pytest
from django.contrib.auth.models import AnonymousUser
from django.urls import get_script_prefix, set_script_prefix
from django.utils import timezone, translation

from brokerless.context import Context, as_context, capture, restored, without_request
from brokerless.exceptions import BrokerlessError
from tests.real_processes import describe

SITE = {"tenant": ["tests.probes.site_context.capture", "tests.probes.site_context.restore"]}


@pytest.fixture
def base_url(settings):
    def use(url):
        settings.BROKERLESS = settings.BROKERLESS | {"BASE_URL": url}

    return use


@pytest.mark.system
def test_every_part_of_the_context_is_restored_in_the_command(processes, rf, django_user_model):
    processes.configure(CONTEXT=SITE, BASE_URL="")
    request = rf.post(
        "/shop/exports/books/?language=eng",
        headers={"X-Request-ID": "r-1", "X-Tenant": "acme", "Cookie": "secret=1"},
    )
    request.user = django_user_model.objects.create(username="ann")
    set_script_prefix("/shop/")
    try:
        with translation.override("de"), timezone.override("Asia/Kolkata"):
            task = processes.launch("context", request=request)
    finally:
        set_script_prefix("/")
    ended = processes.await_end(task)
    assert ended.result == {
        "url": "http://testserver/shop/exports/books/?language=eng",
        "link": "http://testserver/shop/probe/",
        "method": "POST",
        "user": "ann",
        "language": "de",
        "time_zone": "Asia/Kolkata",
        "headers": {"X-Request-ID": "r-1"},
        "site": "acme",
    }, describe(ended)
    assert ended.owner.username == "ann"


@pytest.mark.system
def test_without_a_request_the_active_language_and_zone_and_the_base_url_serve(processes):
    task = processes.await_end(processes.launch("context"))
    assert task.result["url"] == "http://127.0.0.1:8000"
    assert (task.result["user"], task.result["headers"], task.result["site"]) == ("", {}, "")
    assert (task.result["language"], task.result["time_zone"]) == (translation.get_language(), "UTC")


def test_cookies_and_authorization_are_never_captured(rf, settings):
    names = ["Cookie", "AUTHORIZATION", "Proxy_Authorization", "proxy-authorization", "X-Kept"]
    settings.BROKERLESS = settings.BROKERLESS | {"CONTEXT_HEADERS": names}
    request = rf.get(
        "/", headers={"cookie": "a=1", "authorization": "b", "proxy-authorization": "c", "x-kept": "d"}
    )
    assert capture(request)["headers"] == {"X-Kept": "d"}


def test_headers_that_nobody_allowed_are_not_captured(rf):
    request = rf.get("/", headers={"X-Request-ID": "r-1", "traceparent": "00-1", "X-Other": "x"})
    assert capture(request)["headers"] == {"X-Request-ID": "r-1", "traceparent": "00-1"}


def test_an_anonymous_user_has_no_id_and_a_known_one_has(rf, django_user_model, db):
    request = rf.get("/")
    assert capture(request)["user_id"] == ""
    request.user = AnonymousUser()
    assert capture(request)["user_id"] == ""
    request.user = django_user_model.objects.create(username="ann")
    assert capture(request)["user_id"] == str(request.user.pk)


def test_the_user_is_read_anew_and_anonymous_when_gone(db, django_user_model):
    ann = django_user_model.objects.create(username="ann")
    assert Context(user_id=str(ann.pk)).user == ann
    pk = ann.pk
    ann.delete()
    assert Context(user_id=str(pk)).user.is_anonymous


def test_nul_in_a_path_is_left_out(rf):
    assert capture(rf.get("/exports/%00/"))["path"] == "/exports//"


def test_the_base_url_of_the_settings_wins_over_the_request(base_url):
    context = Context(base_url="http://internal:8000", path="/tasks/1/")
    base_url("https://books.example.org")
    assert context.build_absolute_uri() == "https://books.example.org/tasks/1/"
    base_url("")
    assert context.build_absolute_uri() == "http://internal:8000/tasks/1/"


def test_a_link_without_any_address_is_an_error_with_the_remedy(base_url):
    base_url("")
    with pytest.raises(BrokerlessError, match=r"BROKERLESS\['BASE_URL'\] is not set"):
        Context().build_absolute_uri("/")


def test_restoring_is_undone(base_url):
    language, zone, prefix = translation.get_language(), timezone.get_current_timezone_name(), get_script_prefix()
    with restored(Context(language="de", time_zone="Asia/Kolkata", script_prefix="/shop/")):
        assert translation.get_language() == "de"
        assert timezone.get_current_timezone_name() == "Asia/Kolkata"
        assert get_script_prefix() == "/shop/"
    assert (translation.get_language(), timezone.get_current_timezone_name(), get_script_prefix()) == (
        language,
        zone,
        prefix,
    )


def test_restoring_is_undone_after_an_error_too():
    with (
        pytest.raises(ValueError, match="in the command"),
        restored(Context(language="de", script_prefix="/shop/")),
    ):
        raise ValueError("in the command")
    assert (translation.get_language(), get_script_prefix()) == ("en", "/")


def test_a_zone_that_is_only_an_offset_is_restored(rf):
    with timezone.override(timezone.get_fixed_timezone(330)):
        captured = capture(rf.get("/"))
    with restored(as_context(captured)):
        assert timezone.get_current_timezone().utcoffset(None).total_seconds() == 330 * 60


def test_the_site_s_own_part_is_captured_and_restored(rf, settings, monkeypatch):
    settings.BROKERLESS = settings.BROKERLESS | {"CONTEXT": SITE}
    monkeypatch.delenv("PROBE_SITE", raising=False)
    captured = capture(rf.get("/", headers={"X-Tenant": "acme"}))
    assert captured["site"] == {"tenant": "acme"}
    with restored(as_context(captured)):
        assert os.environ["PROBE_SITE"] == "acme"
    assert "PROBE_SITE" not in os.environ


@pytest.mark.parametrize(
    ("url", "prefix"),
    [("", "/"), ("https://a.org", "/"), ("https://a.org/shop", "/shop/"), ("https://a.org/shop/", "/shop/")],
)
def test_by_hand_the_prefix_is_that_of_the_base_url(base_url, url, prefix):
    base_url(url)
    assert without_request().script_prefix == prefix
    assert capture(None)["script_prefix"] == prefix


def test_what_another_release_stored_is_left_out():
    assert as_context({"path": "/a/", "colour": "red"}) == Context(path="/a/")
