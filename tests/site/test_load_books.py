"""`manage.py load_books`: what is stored, what is said, and what is refused as a whole."""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from library import loading
from library.goodbooks import COLUMNS, SAMPLE, Row, read_rows
from library.management.commands import load_books as command
from library.models import Author, Book

pytestmark = pytest.mark.django_db

FIXTURE = Path(__file__).parent / "fixtures" / "goodbooks-30.csv"
LONG_AGO = datetime(2001, 2, 3, tzinfo=UTC)


def load(*arguments, **options):
    """Run the command and return what it wrote to standard output and standard error."""
    out, err = StringIO(), StringIO()
    call_command("load_books", *arguments, stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def book_file(tmp_path, *lines, name="books.csv"):
    path = tmp_path / name
    path.write_text("\n".join([",".join(COLUMNS), *lines]) + "\n", encoding="utf-8")
    return path


def good_line(number, *, author="Ann", title="Title"):
    return f"{number},,{author},2000,{title},eng,4,10"


@contextmanager
def statements():
    """Collect the SQL that is executed (the loader empties what Django itself collects)."""
    executed = []

    def note(execute, sql, params, many, context):
        executed.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield executed


def contents():
    return list(Book.objects.order_by("source_id").values())


def test_good_lines_are_stored_and_the_rest_is_reported():
    out, err = load(FIXTURE)
    assert out == "30 read: 15 created, 0 updated, 0 unchanged, 15 refused\n"
    assert Book.objects.count() == 15
    assert len(err.splitlines()) == 15
    assert "line 24: book_id 1 occurred before" in err


def test_a_stored_book_has_the_values_of_its_row():
    load(FIXTURE)
    book = Book.objects.get(source_id=2)
    (row,) = [row for row in read_rows(FIXTURE) if isinstance(row, Row) and row.source_id == 2]
    assert {field: getattr(book, field) for field in loading.COPIED_FIELDS} == {
        field: getattr(row, field) for field in loading.COPIED_FIELDS
    }
    assert book.author.name == "Ada Penrose"
    assert book.available


def test_an_author_of_several_books_is_stored_once():
    load(FIXTURE)
    assert Author.objects.get(name="Ada Penrose").books.count() == 3


def test_loading_twice_writes_nothing():
    load(FIXTURE)
    before = contents()
    with statements() as executed:
        out, _ = load(FIXTURE)
    assert out == "30 read: 0 created, 0 updated, 15 unchanged, 15 refused\n"
    assert contents() == before
    assert executed
    assert [sql for sql in executed if not sql.startswith("SELECT")] == []


def test_a_changed_line_updates_its_book_and_leaves_what_is_the_librarys_own(tmp_path):
    load(book_file(tmp_path, good_line(1), good_line(2)))
    Book.objects.update(available=False, added_at=LONG_AGO)
    out, _ = load(book_file(tmp_path, good_line(1, author="Bob", title="New"), good_line(2)))
    assert out.startswith("2 read: 0 created, 1 updated, 1 unchanged")
    book = Book.objects.get(source_id=1)
    assert (book.title, book.author.name) == ("New", "Bob")
    assert (book.available, book.added_at) == (False, LONG_AGO)


@pytest.mark.parametrize(
    ("column", "text", "field"),
    [
        ("isbn", "0306406152", "isbn13"),
        ("authors", "Ann,Bob", "contributors"),
        ("original_publication_year", "", "published_year"),
        ("title", "Other", "title"),
        ("language_code", "ger", "language"),
        ("average_rating", "", "average_rating"),
        ("ratings_count", "11", "ratings_count"),
    ],
)
def test_a_change_of_any_column_is_noticed(tmp_path, column, text, field):
    load(book_file(tmp_path, good_line(1)))
    before = getattr(Book.objects.get(), field)
    cells = dict(zip(COLUMNS, good_line(1).split(","), strict=True)) | {column: f'"{text}"'}
    out, _ = load(book_file(tmp_path, ",".join(cells.values())))
    assert "1 updated" in out
    assert getattr(Book.objects.get(), field) != before


def test_generated_books_are_left_alone(tmp_path):
    generated = Book.objects.create(title="Generated", author=Author.objects.create(name="Ann"))
    load(book_file(tmp_path, good_line(generated.pk)))
    assert Book.objects.count() == 2
    assert Book.objects.get(pk=generated.pk).title == "Generated"


def test_the_number_of_statements_grows_with_the_batches_and_not_with_the_rows(tmp_path):
    path = book_file(tmp_path, *[good_line(number, author=f"Author {number % 50}") for number in range(1, 401)])
    with statements() as small_batches:
        loading.load_books(read_rows(path), on_refusal=pytest.fail, batch_size=100)
    Book.objects.all().delete()
    with statements() as one_batch:
        loading.load_books(read_rows(path), on_refusal=pytest.fail, batch_size=400)
    assert 0 < len(one_batch) < len(small_batches) < 50


@pytest.mark.parametrize("batch_size", [1, 7, 15, 1000])
def test_the_size_of_the_batches_makes_no_difference(batch_size):
    counts = loading.load_books(read_rows(FIXTURE), on_refusal=lambda _: None, batch_size=batch_size)
    assert (counts.created, counts.refused, Book.objects.count()) == (15, 15, 15)


def test_rows_that_another_load_inserts_meanwhile_are_no_error(tmp_path, monkeypatch):
    look = loading._stored_books

    def look_and_lose_the_race(rows):
        found = look(rows)
        monkeypatch.setattr(loading, "_stored_books", look)
        load(path)
        return found

    path = book_file(tmp_path, good_line(1), good_line(2, author="Bob"))
    monkeypatch.setattr(loading, "_stored_books", look_and_lose_the_race)
    out, _ = load(path)
    assert out.startswith("2 read: 2 created")
    assert [book["source_id"] for book in contents()] == [1, 2]
    assert Author.objects.count() == 2


@pytest.mark.usefixtures("postgres")
def test_loading_works_the_same_on_postgresql():
    assert load(FIXTURE)[0].startswith("30 read: 15 created")
    assert load(FIXTURE)[0].startswith("30 read: 0 created, 0 updated, 15 unchanged")


def test_only_the_first_refused_lines_are_listed(tmp_path):
    path = book_file(tmp_path, good_line(1), *["bad"] * 25)
    _, err = load(path)
    assert err.splitlines()[19:] == [
        "line 22: 1 cells where the header has 8",
        "and 5 more refused lines, which --verbosity 2 lists",
    ]


def test_verbosity_2_lists_every_refused_line(tmp_path):
    _, err = load(book_file(tmp_path, good_line(1), *["bad"] * 25), verbosity=2)
    assert len(err.splitlines()) == 25


def test_verbosity_0_is_silent_on_success(tmp_path):
    assert load(book_file(tmp_path, good_line(1)), verbosity=0) == ("", "")
    assert Book.objects.count() == 1


def test_verbosity_0_still_reports_refused_lines(tmp_path):
    out, err = load(book_file(tmp_path, good_line(1), "bad"), verbosity=0)
    assert (out, err) == ("", "line 3: 1 cells where the header has 8\n")


def test_the_sample_is_found_from_any_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out, err = load("--sample")
    assert (out, err) == ("50 read: 50 created, 0 updated, 0 unchanged, 0 refused\n", "")


@pytest.mark.parametrize("arguments", [[], [str(SAMPLE), "--sample"]])
def test_either_a_file_or_the_sample_must_be_named(arguments):
    with pytest.raises(CommandError, match=r"FILE"):
        load(*arguments)


def test_a_task_gets_the_counts_as_its_result(tmp_path, monkeypatch):
    task = SimpleNamespace(result=None)
    monkeypatch.setattr(command, "current_task", lambda: task)
    load(book_file(tmp_path, good_line(1), "bad"))
    assert task.result == {"read": 2, "created": 1, "updated": 0, "unchanged": 0, "refused": 1}


def header_without(*names):
    return ",".join(name for name in COLUMNS if name not in names).encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "lacks columns"),
        (header_without(), "has a header and no books"),
        (header_without("isbn", "title") + b"\n1,2,3,4,5,6\n", "lacks columns .*: isbn, title"),
        (b"\n" + header_without(), "lacks columns"),
        (b"book_id;title\n1;T\n", "lacks columns"),
        (header_without() + b"\n" + good_line(1, title="Zoë").encode("latin-1"), "not UTF-8: see line 2"),
        (header_without().decode().encode("utf-16"), "not UTF-8: see line 1"),
        (header_without() + b"\nbad\nbad\n", "Every line of .* was refused, 2 in all"),
    ],
)
def test_a_file_with_nothing_to_load_is_an_error(tmp_path, content, message):
    path = tmp_path / "books.csv"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=message):
        load(path)
    assert not Book.objects.exists()


def test_a_bad_byte_at_the_end_is_found_before_anything_is_stored(tmp_path):
    path = book_file(tmp_path, *[good_line(number) for number in range(1, 1501)])
    with path.open("ab") as file:
        file.write(b"\xff\n")
    with pytest.raises(CommandError, match=r"not UTF-8: see line 1502"):
        load(path)
    assert not Book.objects.exists()


@pytest.mark.parametrize(("name", "reason"), [("missing.csv", "No such file"), (".", "Is a directory")])
def test_a_path_that_is_no_file_is_an_error(tmp_path, name, reason):
    with pytest.raises(CommandError, match=rf"cannot be read: {reason}"):
        load(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_an_error(tmp_path):
    path = book_file(tmp_path, good_line(1))
    path.chmod(0)
    with pytest.raises(CommandError, match=r"cannot be read: Permission denied"):
        load(path)


def test_the_full_file_is_loaded_once():
    path = os.environ.get("GOODBOOKS")
    if not path:
        pytest.skip("needs the file of goodbooks-10k: set GOODBOOKS to its path")
    assert load(path) == ("10000 read: 10000 created, 0 updated, 0 unchanged, 0 refused\n", "")
    assert Book.objects.exclude(isbn13="").count() == 9277
    assert load(path)[0] == "10000 read: 0 created, 0 updated, 10000 unchanged, 0 refused\n"
