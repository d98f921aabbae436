"""What was made before is not made again: by whom, for what, and what is another file."""

from __future__ import annotations

import pytest
from django.core.files.storage import InMemoryStorage
from django.core.management import call_command
from django.utils import timezone

from brokerless.current import current_task, set_current_task
from brokerless.exports.exceptions import OutputError
from brokerless.exports.files.earlier import found_before
from brokerless.exports.files.request import Request
from brokerless.exports.files.storing import store
from brokerless.exports.formats.layout import Layout
from brokerless.exports.models import ExportFile
from brokerless.exports.registry import get_exporter
from brokerless.exports.writing import Export
from brokerless.models import TaskState
from tests.exporting.making import make_book
from tests.exporting.reading import stored_bytes

pytestmark = pytest.mark.django_db


class AwayStorage(InMemoryStorage):
    """A storage whose library has errors of its own, and no connection."""

    def exists(self, name):
        raise RuntimeError("endpoint could not be resolved")


def request_for_books(**values) -> Request:
    return Request(**{"exporter": get_exporter("books"), "filters": {"language": "eng"}} | values)


def store_books(**values) -> ExportFile:
    request = request_for_books(**values)
    rows = request.exporter.model.objects.order_by("pk")
    return store(request, Export(rows, request.exporter.get_columns(), unit="rows"))


def test_a_further_attempt_finds_the_file_of_an_earlier_one(in_task, next_attempt):
    in_task()
    assert found_before(request_for_books()) is None
    record = store_books()
    next_attempt()
    assert found_before(request_for_books()) == record
    next_attempt()
    assert found_before(request_for_books()) == record


def test_what_a_command_wants_twice_in_one_attempt_is_made_twice(in_task):
    in_task()
    store_books()
    assert found_before(request_for_books()) is None


def test_a_retry_finds_the_file_of_the_task_that_failed_and_of_those_before_it(in_task):
    first = in_task()
    record = store_books()
    earlier = first
    for status in ("FAILED", "LOST", "CANCELLED"):
        TaskState.objects.filter(pk=earlier.id).update(status=status)
        again = in_task()
        TaskState.objects.filter(pk=again.id).update(retry_of=earlier.id)
        assert found_before(request_for_books()) == record
        earlier = again


def test_the_retry_of_a_task_that_succeeded_makes_a_new_file(in_task):
    first = in_task()
    store_books()
    TaskState.objects.filter(pk=first.id).update(status="SUCCESSFUL")
    again = in_task()
    TaskState.objects.filter(pk=again.id).update(retry_of=first.id)
    assert found_before(request_for_books()) is None


def test_another_task_and_none_at_all_find_nothing(in_task):
    in_task()
    store_books()
    in_task()
    assert found_before(request_for_books()) is None
    set_current_task(None)
    store_books()
    assert found_before(request_for_books()) is None


@pytest.mark.parametrize(
    "values", [{"ready_at": None}, {"removed_at": timezone.now()}, {"expires_at": timezone.now()}]
)
def test_a_file_that_is_not_there_to_fetch_is_not_taken(in_task, next_attempt, values):
    in_task()
    store_books()
    next_attempt()
    assert found_before(request_for_books()) is not None
    ExportFile.objects.update(**values)
    assert found_before(request_for_books()) is None


@pytest.mark.parametrize(
    "values",
    [
        {"filters": {"language": "fre"}},
        {"filters": {}},
        {"columns": ["title"]},
        {"layout": Layout(format="tsv")},
        {"layout": Layout(compress="none")},
        {"layout": Layout(delimiter=";")},
        {"layout": Layout(bom=True)},
        {"layout": Layout(guard=False)},
        {"admin": {"site": "admin", "keys": ["1"]}},
        {"exporter": get_exporter("authors")},
    ],
    ids=str,
)
def test_a_file_of_anything_else_is_not_taken(in_task, next_attempt, values):
    in_task()
    record = store_books(**values)
    next_attempt()
    assert found_before(request_for_books()) is None
    assert found_before(request_for_books(**values)) == record


def test_the_same_wish_put_otherwise_is_the_same_file(in_task, next_attempt):
    in_task()
    record = store_books(filters={"language": "eng", "author": "x"}, columns=("title",), layout=Layout())
    next_attempt()
    same = {"filters": {"author": "x", "language": "eng"}, "columns": ["title"], "layout": Layout(compress="gzip")}
    assert found_before(request_for_books(**same)) == record


def test_two_exports_of_one_task_are_two_files_in_every_attempt(in_task, export, next_attempt):
    make_book()
    in_task()
    made = []
    for _ in range(2):
        for delimiter in ("semicolon", "tab"):
            export("--compress", "none", "--delimiter", delimiter)
            made.append(current_task().result["file"])
        next_attempt()  # which makes neither of them again
    assert made[:2] == made[2:]
    heads = [stored_bytes(ExportFile.objects.get(pk=key)).partition(b"\n")[0] for key in made[:2]]
    assert [b";" in head for head in heads] == [True, False]
    assert [b"\t" in head for head in heads] == [False, True]


def test_two_selections_in_the_admin_are_two_files_in_every_attempt(in_task, next_attempt, django_user_model):
    in_task(owner=django_user_model.objects.create_superuser("ann"))
    books = make_book("Ulysses"), make_book("Dubliners")
    made = []
    for _ in range(2):
        for book in books:
            selection = {"site": "admin", "keys": [str(book.pk)]}
            call_command("export_books", admin_selection=selection, verbosity=0)
            made.append(current_task().result["file"])
        next_attempt()
    assert made[:2] == made[2:]
    assert len(set(made)) == 2


def test_somebody_else_s_file_is_not_taken(in_task, next_attempt, django_user_model):
    in_task()
    store_books()
    next_attempt()
    ben = django_user_model.objects.create(username="ben")
    assert found_before(request_for_books(owner_id=ben.pk)) is None


def test_the_file_of_somebody_who_was_deleted_is_not_taken_for_nobody_s(in_task, next_attempt, django_user_model):
    ben = django_user_model.objects.create(username="ben")
    in_task()
    store_books(owner_id=ben.pk)
    next_attempt()
    ben.delete()
    assert found_before(request_for_books()) is None


def test_a_file_that_is_no_longer_in_the_storage_is_made_again(in_task, next_attempt):
    in_task()
    record = store_books()
    next_attempt()
    record.storage.delete(record.storage_name)
    assert found_before(request_for_books()) is None


def test_whether_there_is_a_file_is_not_guessed_while_the_storage_is_away(in_task, next_attempt, settings):
    in_task()
    store_books()
    next_attempt()
    settings.STORAGES = settings.STORAGES | {"exports": {"BACKEND": f"{__name__}.AwayStorage"}}
    with pytest.raises(OutputError, match=r"storage cannot be reached: endpoint could not be resolved\."):
        found_before(request_for_books())
