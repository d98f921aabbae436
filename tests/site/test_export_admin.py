""" "Export selected" in the admin: what the list shows whoever selected it, found again when the task runs."""

from __future__ import annotations

import gzip

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.utils import timezone

from brokerless.current import set_current_task
from brokerless.exports.models import ExportFile
from brokerless.models import TaskState
from library.admin import BookAdmin
from library.models import Author, Book
from tests.exporting.making import make_book, make_current_task
from tests.exporting.reading import read_csv, stored_bytes
from tests.site.page_parts import Page

BOOKS = "/admin/library/book/"

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
def select(browser_of, carl):
    """Return the function that selects in the list and has it exported, and gives the page that follows."""

    def selected(*books: Book, query: str = "", across: bool = False, user=carl, url=BOOKS, **more):
        keys = [book.pk for book in books]
        form = {"action": "export_selected", "_selected_action": keys, "select_across": int(across), "index": 0}
        return browser_of(user).post(f"{url}?{query}", form | more, follow=True)

    return selected


@pytest.fixture
def run(carl):
    """Return the function that runs the only task as its process would, and gives the rows of the file."""

    def ran(*, owner=carl, command="export_books", **options) -> list[dict[str, str]]:
        options = options or TaskState.objects.get().options
        set_current_task(make_current_task(owner=owner))
        try:
            call_command(command, verbosity=0, **options)
        finally:
            set_current_task(None)
        return read_csv(gzip.decompress(stored_bytes(ExportFile.objects.get())))

    return ran


def titles(rows) -> list[str]:
    return [row["title"] for row in rows]


def messages_of(response) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def test_rows_that_were_picked_are_exported_and_the_task_is_linked_to(select, run, shelf, carl):
    response = select(shelf[0], shelf[2])
    task = TaskState.objects.get()
    assert (task.command, task.owner, task.queue) == ("export_books", carl, "exports")
    assert task.title == "Books, 2 selected"
    assert task.options == {"admin_selection": {"site": "admin", "keys": [str(shelf[0].pk), str(shelf[2].pk)]}}
    assert f'<a href="/tasks/{task.pk}/">Books, 2 selected</a>' in messages_of(response)[0]
    assert titles(run()) == ["Iliad", "Emma"]


@pytest.mark.parametrize(
    ("query", "found", "title"),
    [
        ("", ["Iliad", "Ulysses", "Emma"], "Books, the whole list"),
        ("available__exact=0", ["Emma"], "Books, not available"),
        ("q=joyce", ["Ulysses"], "Books, containing “joyce”"),
        ("q=a&available__exact=1", ["Iliad", "Ulysses"], "Books, containing “a”, available"),
        ("o=-1&p=0", ["Iliad", "Ulysses", "Emma"], "Books, the whole list"),
    ],
)
def test_all_across_pages_are_what_the_list_s_query_selects(select, run, shelf, query, found, title):
    select(shelf[0], query=query, across=True)
    task = TaskState.objects.get()
    assert task.options["admin_selection"].keys() == {"site", "query"}
    assert task.title == title
    assert titles(run()) == found


def test_all_across_includes_what_comes_later_and_picked_rows_do_not(select, run, shelf):
    select(shelf[0], query="q=homer", across=True)
    make_book("Odyssey", author="Homer")
    assert titles(run()) == ["Iliad", "Odyssey"]


def test_a_picked_row_that_is_gone_is_left_out(select, run, shelf):
    select(shelf[0], shelf[1])
    shelf[0].delete()
    assert titles(run()) == ["Ulysses"]


def test_the_date_hierarchy_is_respected(select, run, shelf, monkeypatch):
    monkeypatch.setattr(BookAdmin, "date_hierarchy", "added_at")
    old = timezone.now().replace(year=1999, month=5, day=1)
    Book.objects.filter(pk=shelf[1].pk).update(added_at=old)
    select(shelf[1], query="added_at__year=1999&added_at__month=5", across=True)
    assert titles(run()) == ["Ulysses"]


class DecadeFilter(admin.SimpleListFilter):
    """A filter of a site's own."""

    title = "age"
    parameter_name = "age"

    def lookups(self, request, model_admin):
        return [("old", "old")]

    def queryset(self, request, queryset):
        return queryset.filter(published_year__lt=0) if self.value() == "old" else queryset


def test_a_filter_of_the_site_s_own_is_respected(select, run, shelf, monkeypatch):
    monkeypatch.setattr(BookAdmin, "list_filter", [DecadeFilter])
    select(shelf[0], query="age=old", across=True)
    assert titles(run()) == ["Iliad"]


@pytest.fixture
def only_english(monkeypatch):
    """Have the admin show somebody of the staff English books only."""

    def restricted(self, request):
        assert request.user.username
        found = super(BookAdmin, self).get_queryset(request)
        return found if request.user.is_superuser else found.filter(language="eng")

    monkeypatch.setattr(BookAdmin, "get_queryset", restricted)


def test_a_restricted_list_restricts_the_file(select, run, shelf, only_english):
    select(shelf[1], across=True)
    assert titles(run()) == ["Ulysses", "Emma"]


def test_a_restricted_list_restricts_what_can_be_picked(select, shelf, only_english):
    assert "What was selected is no longer there." in messages_of(select(shelf[0]))[0]
    assert not TaskState.objects.exists()


@pytest.mark.parametrize("change", [{"is_staff": False}, {"is_active": False}])
def test_who_is_no_longer_of_the_staff_gets_nothing(select, run, shelf, carl, change):
    select(shelf[0], across=True)
    for name, value in change.items():
        setattr(carl, name, value)
    carl.save()
    with pytest.raises(CommandError, match="carl may not"):
        run()
    assert not ExportFile.objects.exists()


def test_the_action_is_for_those_who_may_export(select, browser_of, person, shelf, monkeypatch):
    monkeypatch.setattr("exports.exporters.BookExporter.permission", "library.generate_book")
    page = browser_of(person("dan", "view_book", is_staff=True)).get(BOOKS).content.decode()
    assert 'value="export_selected"' not in page
    eli = person("eli", "view_book", "generate_book", is_staff=True)
    assert (
        '<option value="export_selected">Export selected books</option>'
        in browser_of(eli).get(BOOKS).content.decode()
    )
    select(shelf[0])
    assert not TaskState.objects.exists()


def test_it_does_not_take_the_other_actions_away(admin_client, shelf, monkeypatch):
    monkeypatch.setattr(BookAdmin, "actions", ["mark"])
    monkeypatch.setattr(BookAdmin, "mark", lambda self, request, queryset: None, raising=False)
    names = {option["value"] for option in Page(admin_client.get(BOOKS).content.decode()).find("option")}
    assert {"delete_selected", "mark", "export_selected"} <= names


def test_an_admin_that_wants_no_actions_has_none(admin_client, shelf, monkeypatch):
    monkeypatch.setattr(BookAdmin, "actions", None)
    assert "export_selected" not in admin_client.get(BOOKS).content.decode()


def test_more_rows_than_a_page_holds_are_not_picked_by_hand(select, shelf, monkeypatch):
    monkeypatch.setattr(BookAdmin, "list_per_page", 1)
    monkeypatch.setattr(BookAdmin, "list_max_show_all", 2)
    assert "At most 2 rows can be picked one by one" in messages_of(select(*shelf))[0]
    assert not TaskState.objects.exists()
    select(*shelf[:2])
    assert TaskState.objects.count() == 1


def test_the_same_selection_twice_is_one_task(select, shelf):
    first, second = (messages_of(select(shelf[0]))[0] for _ in range(2))
    assert first.startswith("The export has been started: ")
    assert second.startswith("This is being exported already: ")
    assert TaskState.objects.count() == 1


def test_the_same_selection_in_another_language_is_another_file(select, shelf, settings):
    """The labels of choices are in the language of who asks."""
    select(shelf[0])
    settings.LANGUAGE_CODE = "de"
    select(shelf[0])
    assert TaskState.objects.count() == 2


def test_another_selection_is_another_task(select, shelf):
    select(shelf[0])
    select(shelf[1])
    select(shelf[0], across=True)
    assert TaskState.objects.count() == 3


@pytest.mark.parametrize(
    "settings_of", [{"EXPORTS": {"OWNER_QUOTA": 10}}, {"BROKERLESS": {"MAX_UNFINISHED_PER_OWNER": 1}}]
)
def test_a_limit_is_said_on_the_list(select, shelf, settings, make_file, make_task, carl, settings_of):
    make_file(carl, bytes=10)
    make_task(carl)
    for name, values in settings_of.items():
        setattr(settings, name, getattr(settings, name) | values)
    response = select(shelf[0])
    assert [message.level_tag for message in response.context["messages"]] == ["error"]
    assert TaskState.objects.count() == 1


def test_a_hostile_search_is_text_in_the_message(select, shelf):
    make_book("<script>alert(1)</script>")
    response = select(shelf[0], query="q=%3Cscript%3Ealert(1)", across=True)
    assert "&lt;script&gt;alert(1)" in messages_of(response)[0]
    assert "<script>alert" not in response.content.decode()


def test_authors_are_exported_with_what_is_counted(select, run, shelf, person):
    make_book("Dubliners", author="James Joyce", published_year=1914)
    dora = person("dora", "view_author", is_staff=True)
    joyce = Author.objects.get(name="James Joyce")
    select(joyce, user=dora, url="/admin/library/author/")
    rows = run(owner=dora, command="export_authors")
    assert [(row["name"], row["books"], row["decades"]) for row in rows] == [("James Joyce", "2", "1910s, 1920s")]


def test_the_permission_is_the_exporter_s_at_the_run_too(select, run, shelf, carl):
    select(shelf[0], across=True)
    carl.user_permissions.remove(Permission.objects.get(codename="view_book"))
    carl = type(carl).objects.get(pk=carl.pk)
    with pytest.raises(CommandError, match="carl may not export books"):
        run(owner=carl)
