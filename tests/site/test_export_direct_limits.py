"""What is sent at once is bounded by rows, by bytes and by time; what is more is asked for by the form."""

from __future__ import annotations

import time

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import FloatField, Func, IntegerField

from brokerless.exports import time_limit
from brokerless.exports.asking import direct
from brokerless.exports.columns import Column
from brokerless.exports.registry import get_exporter
from library.models import Book
from tests.exporting.making import make_book, make_many_books

URL = "/exports/books/download/"
STATEMENT_TIMEOUT = "SELECT setting FROM pg_settings WHERE name = 'statement_timeout'"
# So many numbers that no test waits for them.
COUNTED = (
    "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000) SELECT max(i) FROM n)"
)


@pytest.fixture
def limits(settings):
    """Return the function that sets the limits of what is sent at once."""

    def change(**values) -> None:
        settings.EXPORTS = settings.EXPORTS | {f"DIRECT_{name}": value for name, value in values.items()}

    return change


@pytest.fixture
def columns(monkeypatch):
    """Return the function that has the exporter of books another column beside the key."""

    def change(value) -> None:
        column = Column(value, name="slow")
        monkeypatch.setattr(type(get_exporter("books")), "columns", (Column("pk", name="id"), column))

    return change


def assert_is_left_to_the_form(browser, program, reason: str) -> None:
    response = browser.get(URL, {"compress": "none"})
    assert (response.status_code, response.url) == (303, "/exports/books/?compress=none")
    page = browser.get(response.url).content.decode()
    assert reason in page
    assert "That is too much to be sent at once; export it here." in page
    response = program.get(URL, {"compress": "none"})
    assert response.status_code == 409
    assert response.json()["detail"].startswith(reason)
    assert "POST the same to /exports/books/" in response.json()["detail"]


def sent(client, **query) -> bytes:
    response = client.get(URL, {"compress": "none"} | query)
    assert response.status_code == 200, response.content
    return b"".join(response)


def test_the_largest_file_is_sent_and_a_larger_one_is_not(browser, program, limits):
    make_book("Emma")
    whole = sent(browser)
    limits(BYTES=len(whole))
    assert sent(browser) == whole
    limits(BYTES=len(whole) - 1)
    assert_is_left_to_the_form(browser, program, "The file is larger than ")


@pytest.mark.parametrize("form", ["csv", "jsonl", "xlsx", "parquet"])
@pytest.mark.parametrize("compress", ["none", "gzip"])
def test_the_size_is_that_of_the_file_as_it_is_sent(browser, limits, form, compress):
    make_book("Emma", contributors="x" * 10_000)
    size = len(sent(browser, format=form, compress=compress))
    limits(BYTES=size)
    assert len(sent(browser, format=form, compress=compress)) == size
    limits(BYTES=size - 1)
    assert browser.get(URL, {"format": form, "compress": compress}).status_code == 303


def test_what_is_too_much_ends_the_reading_at_once(limits):
    limits(LIMIT=20)
    taken = []
    blocks = (taken.append(number) or [0] * 10 for number in range(10))
    with pytest.raises(direct.TooLarge, match="more than 20 rows"):
        list(direct.LimitedRows(time_limit.Deadline(60)).over(blocks, len))
    assert taken == [0, 1, 2]


def test_on_sqlite_a_statement_ends_with_the_time(browser, program, limits, columns):
    if connection.vendor != "sqlite":
        pytest.skip("the suite is run on another database")
    make_book()
    columns(Func(template=COUNTED, output_field=IntegerField()))
    limits(SECONDS=0.2)
    started = time.monotonic()
    assert_is_left_to_the_form(browser, program, "The file takes longer than 0.2 second.")
    assert time.monotonic() - started < 10
    # And only that statement.
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {COUNTED.replace('100000000', '100000')}")
        assert cursor.fetchone() == (100_000,)


@pytest.fixture
def on_postgresql(postgres):
    """Run on PostgreSQL; ask for it first, so that whoever asks is there, too."""
    make_book()


def statement_timeout() -> str:
    with connection.cursor() as cursor:
        cursor.execute(STATEMENT_TIMEOUT)
        return cursor.fetchone()[0]


@pytest.mark.parametrize("is_in_a_transaction", [False, True])
def test_on_postgresql_the_server_ends_a_statement_with_the_time(
    on_postgresql, browser, program, limits, columns, settings, is_in_a_transaction
):
    columns(Func(template="(SELECT 1.0 FROM pg_sleep(30))", output_field=FloatField()))
    limits(SECONDS=0.2)
    started = time.monotonic()
    connection.settings_dict["ATOMIC_REQUESTS"] = is_in_a_transaction
    try:
        assert_is_left_to_the_form(browser, program, "The file takes longer than 0.2 second.")
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False
    assert time.monotonic() - started < 10
    assert statement_timeout() == "0"


@pytest.mark.parametrize(("site_s", "within"), [(0, "1000"), (300, "300"), (5_000, "1000")])
def test_on_postgresql_the_shorter_time_out_holds_and_then_that_of_before(on_postgresql, site_s, within):
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {site_s}")
        with time_limit.time_limit("default", time_limit.Deadline(1)):
            assert statement_timeout() == within
        assert statement_timeout() == str(site_s)
    assert statement_timeout() == "0"


def test_on_postgresql_the_transaction_of_the_request_goes_on_after_an_error(on_postgresql):
    with transaction.atomic():
        with (
            pytest.raises(DatabaseError, match="division by zero"),
            time_limit.time_limit("default", time_limit.Deadline(60)),
            connection.cursor() as cursor,
        ):
            cursor.execute("SELECT 1 / 0")
        assert Book.objects.count() == 1
        assert statement_timeout() == "0"


def test_on_postgresql_a_connection_is_as_before_when_a_file_grew_too_large(on_postgresql, browser, limits):
    make_many_books(5_000)
    limits(BYTES=10_000, LIMIT=100_000)
    assert browser.get(URL, {"compress": "none"}).status_code == 303
    assert Book.objects.count() == 5_001


def test_between_the_rows_the_time_is_looked_at_on_any_database(browser, program, limits, monkeypatch):
    """What Python does with the rows, no database sees."""
    make_book()
    monkeypatch.setattr(connection, "vendor", "another")
    assert sent(browser)
    limits(SECONDS=1e-9)
    assert_is_left_to_the_form(browser, program, "The file takes longer than ")
