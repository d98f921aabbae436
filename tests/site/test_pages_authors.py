"""The list of authors with their statistics, and the button that has them recomputed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.utils import timezone

from brokerless.models import TaskState
from library.models import Author, AuthorStatistics
from library.paging import PAGE_SIZE
from tests.exporting.making import make_book
from tests.real_processes import describe
from tests.site.conftest import client_of
from tests.site.page_parts import Page

URL = "/authors/"
BUTTON = "/authors/recompute/"
NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def make_statistics(name: str, *, ratings: int = 0, **values) -> AuthorStatistics:
    usual = {"books_count": 1, "ratings_count": ratings, "computed_at": NOON}
    return AuthorStatistics.objects.create(author=Author.objects.create(name=name), **usual | values)


def shown(response) -> list[str]:
    return [statistics.author.name for statistics in response.context["page"].rows]


def test_those_with_most_ratings_come_first(browser):
    for name, ratings in [("Few", 1), ("Many", 100), ("None", 0), ("As many", 100)]:
        make_statistics(name, ratings=ratings)
    assert shown(browser.get(URL)) == ["Many", "As many", "Few", "None"]


def test_an_author_is_shown_with_all_that_is_known(browser):
    make_statistics(
        "Ann", ratings=1234567, books_count=1200, average_rating=Decimal("4.20"), first_year=-400, last_year=1999
    )
    text = browser.get(URL).content.decode()
    for expected in (">Ann<", ">1,200<", ">1,234,567<", ">4.20<", ">-400<", ">1999<"):
        assert expected in text


def test_what_is_not_known_is_left_empty(browser):
    make_statistics("Ann")
    assert "None" not in browser.get(URL).content.decode()


def test_it_says_of_when_the_oldest_on_the_page_is(browser):
    make_statistics("Ann", computed_at=NOON + timedelta(days=1))
    make_statistics("Bob", computed_at=NOON)
    page = browser.get(URL).content.decode()
    assert 'As of <time datetime="2026-05-01T12:00:00+00:00">May 1, 2026, 12:00:00</time>' in page


def test_where_nothing_was_computed_it_says_so(browser):
    make_book(author="Ann")
    page = browser.get(URL).content.decode()
    assert "The statistics have not been computed yet." in page
    assert "<table" not in page


def test_there_is_a_page_at_a_time(browser):
    for number in range(PAGE_SIZE + 1):
        make_statistics(f"Author {number}")
    first, second, third = (browser.get(URL, {"page": number}) for number in (1, 2, 3))
    assert [len(shown(page)) for page in (first, second, third)] == [PAGE_SIZE, 1, 0]
    assert 'rel="next" href="?page=2"' in first.content.decode()
    assert 'rel="prev" href="?page=1"' in second.content.decode()
    assert "There are no more authors." in third.content.decode()


def test_the_list_costs_the_same_however_many_authors_there_are(browser, django_assert_num_queries):
    browser.get(URL)
    for number in range(PAGE_SIZE + 5):
        make_statistics(f"Author {number}")
    with django_assert_num_queries(7) as queries:
        browser.get(URL)
    assert not any("COUNT(" in query["sql"] for query in queries)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's plan")
def test_the_list_is_read_in_its_order_without_sorting(db):
    found = AuthorStatistics.objects.select_related("author")
    assert "TEMP B-TREE" not in found.order_by("-ratings_count", "author_id").explain()
    assert "TEMP B-TREE" in found.order_by("books_count").explain()


def test_who_may_not_see_authors_sees_none_and_is_not_led_there(person, browser, browser_of):
    other = browser_of(person("eve", "view_book"))
    assert other.get(URL).status_code == 403
    assert 'href="/authors/"' not in other.get("/books/").content.decode()
    assert 'href="/authors/"' in browser.get("/books/").content.decode()


def test_the_button_launches_the_task(browser, ann):
    (form,) = Page(browser.get(URL).content.decode()).find("form", action=BUTTON)
    response = browser.post(form["action"])
    task = TaskState.objects.get()
    assert (form["method"], response.status_code, response.url) == ("post", 303, f"/tasks/{task.pk}/")
    assert (task.command, task.arguments) == ("call_task", ["library.tasks.recompute_author_statistics"])
    assert (task.owner, task.title) == (ann, "Recompute the statistics of authors")
    assert (task.queue, task.timeout, task.nice, task.max_attempts) == ("statistics", 600, 10, 3)
    assert "We have your request." in browser.get(response.url).content.decode()


def test_five_clicks_make_one_task(browser):
    answers = [browser.post(BUTTON) for _ in range(5)]
    task = TaskState.objects.get()
    assert {(answer.status_code, answer.url) for answer in answers} == {(303, f"/tasks/{task.pk}/")}
    page = browser.get(answers[0].url).content.decode()
    assert page.count("We have your request.") == 1
    assert page.count("The statistics are on their way already") == 4


def test_one_that_is_being_cancelled_is_said_to_be(browser):
    browser.post(BUTTON)
    TaskState.objects.update(status=TaskState.Status.RUNNING, cancel_requested_at=timezone.now())
    assert "just being cancelled" in browser.post(BUTTON, follow=True).content.decode()
    assert TaskState.objects.count() == 1


def test_somebody_else_has_a_task_of_their_own(browser, browser_of, bob):
    first = browser.post(BUTTON).url
    assert browser_of(bob).post(BUTTON).url != first


@pytest.mark.parametrize("permissions", [[], ["view_author"]])
def test_the_button_needs_a_permission_of_its_own(person, browser_of, permissions):
    browser = browser_of(person("eve", *permissions))
    assert BUTTON not in browser.get(URL).content.decode()
    assert browser.post(BUTTON).status_code == 403
    assert not TaskState.objects.exists()


def test_after_the_login_the_button_leads_to_the_authors(visitor, browser):
    answer = visitor.post(BUTTON)
    assert (answer.status_code, answer.url) == (302, f"/login/?next={BUTTON}")
    assert browser.get(BUTTON).url == URL
    assert not TaskState.objects.exists()


@pytest.mark.system
def test_a_real_process_computes_what_the_page_shows(processes):
    permissions = ["view_author", "recompute_authorstatistics"]
    boss = User.objects.create(username="boss")
    boss.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    browser = client_of(boss)
    for number in range(7):
        make_book(author=f"Author {number}", average_rating=Decimal("4.50"), ratings_count=number)

    browser.post(BUTTON)

    ended = processes.await_end(TaskState.objects.get())
    assert ended.status == TaskState.Status.SUCCESSFUL, describe(ended)
    assert ended.result == {"authors": 7, "books": 7}
    assert (ended.progress_current, ended.progress_total, ended.progress_unit) == (7, 7, "authors")
    assert shown(browser.get(URL)) == [f"Author {number}" for number in reversed(range(7))]
