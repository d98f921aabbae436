"""`{% task_notices %}` on any page of a site: the badge, and the news as a list for who has no scripts."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError
from django.template import Context, RequestContext, Template
from django.test import RequestFactory
from django.utils import timezone

from brokerless.models import TaskState
from brokerless.templatetags import brokerless as tags
from tests.site.page_parts import Page

Status = TaskState.Status
TAG = "{% load brokerless %}{% task_notices %}"


def rendered(user, path="/somewhere/?page=2", **values) -> str:
    request = RequestFactory().get(path)
    if user is not None:
        request.user = user
    return Template(TAG).render(RequestContext(request, values)).strip()


@pytest.fixture
def news(make_task, ann):
    """Return two tasks of Ann's: one says something, the other has ended."""
    said = [{"number": 1, "at": timezone.now().isoformat(), "text": "<b>half way</b>"}]
    running = make_task(ann, status=Status.RUNNING, notices=said, notices_count=1)
    return running, make_task(ann, status=Status.FAILED, finished_at=timezone.now())


def test_a_visitor_is_shown_nothing_and_costs_no_query(db, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert rendered(AnonymousUser()) == rendered(None) == ""


@pytest.mark.urls("tests.exporting.no_urls")
def test_a_site_without_the_pages_of_tasks_shows_nothing(ann, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert rendered(ann) == ""


def test_a_page_without_a_request_shows_nothing_and_says_why_where_it_is_developed(settings):
    """Django renders its page of a server error so, which is not to break of this."""
    assert Template(TAG).render(Context()).strip() == ""
    settings.DEBUG = True
    with pytest.warns(UserWarning, match="there is no request in its context"):
        assert Template(TAG).render(Context()).strip() == ""


def test_the_request_is_found_with_and_without_its_context_processor(ann):
    request = RequestFactory().get("/")
    request.user = ann
    assert "<task-notices" in Template(TAG).render(Context({"request": request}))


def test_it_costs_two_queries(news, ann, django_assert_num_queries):
    with django_assert_num_queries(2):
        rendered(ann)


def test_the_badge_says_what_is_running_and_waiting_and_leads_to_the_list(make_task, ann):
    assert "hidden" in Page(rendered(ann)).find("a", data_part="badge")[0]
    make_task(ann, status=Status.RUNNING)
    make_task(ann)
    make_task(ann)
    page = Page(text := rendered(ann))
    assert page.find("a", data_part="badge") == [
        {"class": "bl-badge", "href": "/tasks/", "data-part": "badge"},
    ]
    assert "1 running" in text
    assert "2 waiting" in text


def test_it_gives_the_script_what_it_needs(ann):
    [element] = Page(rendered(ann)).find("task-notices")
    assert element["data-url"] == "/tasks/notices"
    assert element["data-csrf"]
    assert (element["data-unshown"], element["data-next"]) == ("0", "15000")
    assert "data-events" not in element  # under WSGI


def test_without_scripts_the_news_are_a_list_that_is_dismissed(news, ann, browser_of, program_of):
    running, failed = news
    page = Page(text := rendered(ann))
    assert page.refused == page.unclosed == []
    assert "&lt;b&gt;half way&lt;/b&gt;" in text
    assert [each["value"] for each in page.find("input", name="id")] == [f"{running.pk}:1", f"{failed.pk}:end"]
    [form] = page.find("form")
    assert (form["method"], form["action"]) == ("post", "/tasks/notices")
    # To render a page is not to have read it.
    assert text.split('data-csrf="')[0] == rendered(ann).split('data-csrf="')[0]
    fields = {each["name"]: each["value"] for each in page.find("input", type="hidden")}
    ids = [each["value"] for each in page.find("input", name="id")]
    response = browser_of(ann).post(form["action"], fields | {"id": ids})
    assert (response.status_code, response.url) == (303, "/somewhere/?page=2")
    assert "<form" not in rendered(ann)
    assert program_of(ann).post("/tasks/notices").json() == {"notices": []}


@pytest.mark.parametrize("url", ["/books/", "/tasks/"])
def test_the_pages_of_the_site_have_it(browser, url):
    assert Page(browser.get(url).content.decode()).count("task-notices") == 1


def test_the_product_s_own_pages_have_it_where_a_site_overrides_nothing(browser, settings):
    [engine] = settings.TEMPLATES
    settings.TEMPLATES = [engine | {"DIRS": []}]
    assert Page(browser.get("/tasks/").content.decode()).count("task-notices") == 1


@pytest.fixture
def broken(monkeypatch):
    """Have the table miss a column, as before `migrate`."""

    def look(user):
        raise OperationalError("no such column: brokerless_taskstate.notices")

    monkeypatch.setattr(tags, "look", look)
    monkeypatch.setattr(tags, "_logged", set())


def test_before_the_tables_are_there_a_page_does_without_it_and_that_is_logged_once(
    transactional_db, ann, broken, caplog
):
    assert [rendered(ann), rendered(ann)] == ["", ""]
    assert [record.getMessage() for record in caplog.records if record.name == "brokerless"] == [
        "{% task_notices %} shows nothing, as tasks cannot be read: no such column: brokerless_taskstate.notices"
    ]


def test_in_a_transaction_that_it_may_have_spoilt_it_is_an_error(ann, broken):
    with pytest.raises(OperationalError):
        rendered(ann)
