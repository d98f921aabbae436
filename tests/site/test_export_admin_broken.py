"""An admin that has changed since, or that needs more than a task has: the export fails in words."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied
from django.db import OperationalError

from brokerless.exports.asking.admin_selection import selected
from brokerless.exports.exceptions import InvalidSelection
from library.admin import BookAdmin
from library.models import Book
from tests.exporting.making import make_book

pytestmark = pytest.mark.usefixtures("site")

LISTED = {"site": "admin", "query": "q=Emma"}


@pytest.fixture
def carl(person):
    make_book("Emma")
    make_book("Iliad")
    return person("carl", "view_book", is_staff=True)


def test_a_search_is_not_taken_for_the_whole_list_where_there_is_none_any_more(carl, monkeypatch):
    assert selected(LISTED, Book, carl).count() == 1
    monkeypatch.setattr(BookAdmin, "search_fields", ())
    with pytest.raises(InvalidSelection, match=r"the list can be searched no more\. Select it anew"):
        selected(LISTED, Book, carl)


@pytest.mark.parametrize("query", ["", "q=", "q=+"])
def test_without_a_search_a_list_need_not_be_searched(carl, monkeypatch, query):
    monkeypatch.setattr(BookAdmin, "search_fields", ())
    assert selected({"site": "admin", "query": query}, Book, carl).count() == 2


def refuse(request):
    raise PermissionDenied("not you")


@pytest.mark.parametrize(
    ("wants", "said"),
    [
        (lambda request: request.session["tenant"], "AttributeError: 'HttpRequest' object has no attribute"),
        (lambda request: request.get_host(), "KeyError: 'SERVER_NAME'"),
        (lambda request: request.resolver_match.url_name, "AttributeError: 'NoneType' object has no attribute"),
        (refuse, "PermissionDenied: not you"),
    ],
)
@pytest.mark.parametrize("method", ["get_queryset", "has_view_permission"])
@pytest.mark.parametrize("selection", [LISTED, {"site": "admin", "keys": ["1"]}], ids=["list", "keys"])
def test_what_the_admin_lacks_is_said_and_logged(carl, monkeypatch, caplog, wants, said, method, selection):
    monkeypatch.setattr(BookAdmin, method, lambda self, request, obj=None: wants(request))
    with pytest.raises(InvalidSelection) as caught:
        selected(selection, Book, carl)
    assert "The admin can list its books on its page, but not for an export: " + said in str(caught.value)
    (record,) = caplog.records
    assert record.exc_info[1] is caught.value.__cause__
    assert record.getMessage() == "library.Book cannot be listed for a task"


def test_a_failure_of_the_database_stays_one_that_another_attempt_may_not_have(carl, monkeypatch):
    def fail(self, request):
        raise OperationalError("the server has gone away")

    monkeypatch.setattr(BookAdmin, "get_queryset", fail)
    with pytest.raises(OperationalError):
        selected(LISTED, Book, carl)
