"""What a task says was selected in the admin is not believed: the admin finds it for the task's owner, or not."""

from __future__ import annotations

import gzip

import pytest
from django.core.management import CommandError, call_command

from brokerless.current import set_current_task
from brokerless.exports.asking.admin_selection import selected
from brokerless.exports.models import ExportFile
from library.admin import BookAdmin
from library.models import Book
from tests.exporting.making import make_book, make_current_task
from tests.exporting.reading import read_csv, stored_bytes

pytestmark = pytest.mark.usefixtures("site")


@pytest.fixture
def shelf():
    return [
        make_book("Iliad", author="Homer", language="grc", published_year=-750),
        make_book("Ulysses", author="James Joyce", language="eng", published_year=1922),
        make_book("Emma", author="Jane Austen", language="eng", available=False),
    ]


@pytest.fixture
def carl(person):
    """Somebody of the staff who may see books."""
    return person("carl", "view_book", is_staff=True)


@pytest.fixture
def run(carl):
    """Return the function that exports in a task, and gives the titles in the file."""

    def ran(*, owner=carl, **options) -> list[str]:
        set_current_task(make_current_task(owner=owner))
        try:
            call_command("export_books", verbosity=0, **options)
        finally:
            set_current_task(None)
        return [row["title"] for row in read_csv(gzip.decompress(stored_bytes(ExportFile.objects.get())))]

    return ran


@pytest.fixture
def only_english(monkeypatch):
    """Have the admin show somebody of the staff English books only."""

    def restricted(self, request):
        assert request.user.username
        found = super(BookAdmin, self).get_queryset(request)
        return found if request.user.is_superuser else found.filter(language="eng")

    monkeypatch.setattr(BookAdmin, "get_queryset", restricted)


@pytest.mark.parametrize("kind", ["keys", "query"])
def test_what_the_owner_may_not_see_is_not_exported_whatever_the_task_says(run, shelf, only_english, kind):
    given = {"keys": [book.pk for book in shelf]} if kind == "keys" else {"query": ""}
    assert run(admin_selection={"site": "admin", **given}) == ["Ulysses", "Emma"]


FORGED = [
    {"site": "admin", "query": "author__statistics__books_count__gte=1"},
    {"site": "admin", "query": "publisher=1"},
    {"site": "admin", "query": "available__exact=perhaps"},
    {"site": "admin", "query": "published_year__gte=x"},
    {"site": "admin", "query": "available__exact__exact=1"},
    {"site": "admin", "query": "q=a%00b"},
    {"site": "admin", "query": "_to_field=secret"},
    {"site": "admin", "query": 5},
    {"site": "admin", "keys": ["x"]},
    {"site": "admin", "keys": "all"},
    {"site": "admin", "keys": None},
    {"site": "admin", "keys": [[1]]},
    {"site": "admin", "keys": [], "query": ""},
    {"site": "admin"},
    {"site": "elsewhere", "query": ""},
    {},
    [],
    "all",
    5,
]


@pytest.mark.parametrize("selection", FORGED, ids=str)
def test_a_forged_selection_is_refused_in_words_and_nothing_is_exported(run, shelf, selection):
    with pytest.raises(CommandError, match=r"selected in the admin|the admin of which|must be") as caught:
        run(admin_selection=selection)
    assert "Traceback" not in str(caught.value)
    assert not ExportFile.objects.exists()


def test_no_keys_select_nothing(run, shelf):
    assert run(admin_selection={"site": "admin", "keys": []}) == []


def test_a_task_without_an_owner_exports_no_selection(run, shelf):
    with pytest.raises(CommandError, match="is exported for the one who selected it"):
        run(owner=None, admin_selection={"site": "admin", "query": ""})
    assert not ExportFile.objects.exists()


def test_nobody_exports_a_selection_by_hand(shelf):
    with pytest.raises(CommandError, match="is exported for the one who selected it"):
        call_command("export_books", "--admin-selection", '{"site": "admin", "query": ""}', verbosity=0)
    assert not ExportFile.objects.exists()


def test_the_list_is_neither_counted_nor_read_to_find_a_selection(shelf, carl, django_assert_max_num_queries):
    with django_assert_max_num_queries(3) as queries:
        found = selected({"site": "admin", "query": "available__exact=1"}, Book, carl)
    assert not [query for query in queries if '"library_book"' in query["sql"]]
    assert found.count() == 2


def test_on_postgresql_a_selection_is_found_as_well(postgres, shelf, django_user_model, run):
    boss = django_user_model.objects.create(username="boss", is_staff=True, is_superuser=True)
    make_book("100 % sure")
    assert run(owner=boss, admin_selection={"site": "admin", "query": "q=100+%25"}) == ["100 % sure"]
    ExportFile.objects.all().delete()
    keys = [str(shelf[1].pk), str(shelf[2].pk)]
    assert run(owner=boss, admin_selection={"site": "admin", "keys": keys}) == ["Ulysses", "Emma"]
