"""Format, columns and layout as options of `export_books`, and the second exporter's command, `export_authors`."""

from __future__ import annotations

import gzip
import json

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.core.management import CommandError, call_command

from brokerless.arguments import command_line, load_command
from brokerless.exports.conversion import plain
from brokerless.exports.models import ExportFile
from brokerless.final_error import FinalError
from library.models import Author
from tests.exporting.making import make_book
from tests.exporting.reading import names_in, read_csv, stored_bytes

pytestmark = pytest.mark.django_db

BOM = b"\xef\xbb\xbf"


@pytest.fixture
def shelf():
    make_book("Iliad", author="Homer", published_year=-750, language="grc")
    make_book("=1+1", author="James Joyce", published_year=1922, language="eng")


@pytest.fixture
def authors(shelf):
    """Joyce with three books of two decades, Homer with one, and Sappho with none."""
    make_book("Dubliners", author="James Joyce", published_year=1914, language="eng")
    make_book("Ulisse", author="James Joyce", language="ita")
    Author.objects.create(name="Sappho")


@pytest.mark.parametrize(
    ("words", "first_line"),
    [
        (["--columns", "title,pk"], b"title,id\n"),
        (["--columns", "title", "--columns", "pk,language"], b"title,id,language\n"),
        (["--columns", "title,pk", "--delimiter", "semicolon"], b"title;id\n"),
        (["--columns", "title,pk", "--delimiter", ";", "--bom"], BOM + b"title;id\n"),
        (["--columns", "title,pk", "--format", "tsv"], b"title\tid\n"),
        (["--columns", "title,pk", "--format", "jsonl"], b'{"title": "Iliad"'),
    ],
)
def test_the_options_shape_the_file(shelf, export, tmp_path, words, first_line):
    path = tmp_path / "out"
    export("--output", str(path), *words)
    data = path.read_bytes()
    assert data.startswith(first_line) or json.loads(data.splitlines()[0]).keys() == {"title", "pk"}


@pytest.mark.parametrize(("words", "cell"), [([], "'=1+1"), (["--no-guard"], "=1+1")])
def test_texts_that_would_be_formulas_are_guarded_unless_that_is_unwanted(shelf, exported, words, cell):
    assert [row["title"] for row in exported(*words)] == ["Iliad", cell]


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("books.csv.gz", b"\x1f\x8b"),
        ("books.tsv", b"id\tsource_id"),
        ("books.jsonl", b"{"),
        ("books.xlsx", b"PK"),
        ("books.parquet", b"PAR1"),
        ("books.parquet.gz", b"\x1f\x8b"),
        ("books", b"id,source_id"),
    ],
)
def test_the_name_of_the_file_says_its_format(shelf, export, tmp_path, name, begins):
    out, _ = export("--output", str(tmp_path / name))
    assert (tmp_path / name).read_bytes().startswith(begins)
    assert out.startswith("2 rows, ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "csv", "--output", "x.xlsx"], "contradicts the name x.xlsx, which says xlsx"),
        (
            ["--compress", "gzip", "--output", "x.csv"],
            "gzip contradicts the name x.csv, which says none",
        ),
        (["--compress", "none", "--output", "x.csv.gz"], "compress: none contradicts"),
        (["--format", "xlsx", "--bom"], "bom: Only a CSV file has it, not Excel"),
    ],
)
def test_what_contradicts_itself_is_refused_before_anything_is_done(
    export, tmp_path, monkeypatch, export_directory, words, message
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError, match=message) as caught:
        export(*words)
    assert (type(caught.value), caught.value.returncode) == (CommandError, 2)
    assert names_in(export_directory) == []
    assert not [name for name in names_in(tmp_path) if name.startswith("x")]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "xls"], "argument --format: There is no “xls”; there is: csv, tsv, jsonl, xlsx, parquet."),
        (
            ["--columns", "publisher"],
            "--columns: There is no column “publisher”; there is: pk, source_id",
        ),
        (["--columns", "title,title"], "argument --columns: The column “title” is named twice."),
        (["--compress", "zip"], "argument --compress: invalid choice: 'zip'"),
        (["--delimiter", "x"], "argument --delimiter: There is no “x”; there is: comma, semicolon, tab, pipe."),
    ],
)
def test_a_wrong_value_is_said_with_the_good_ones(export, export_directory, words, message):
    with pytest.raises(CommandError) as caught:
        export(*words)
    assert message in str(caught.value)
    assert names_in(export_directory) == []


def test_in_a_task_it_is_an_error_that_no_other_attempt_would_mend(in_task):
    in_task()
    with pytest.raises(FinalError, match="There is no column"):
        call_command("export_books", columns=["publisher"])


def test_columns_named_in_two_options_are_one_list_and_checked_as_such(export):
    with pytest.raises(CommandError, match=r"The column “title” is named twice\."):
        export("--columns", "title", "--columns", "title")


def test_a_missing_library_is_said_with_how_to_install_it(export, monkeypatch):
    monkeypatch.setattr("brokerless.exports.formats.libraries.find_spec", lambda module: None)
    with pytest.raises(CommandError) as caught:
        export("--format", "parquet")
    assert "pip install 'django-brokerless[parquet]'" in str(caught.value)


def test_the_stored_file_has_the_options_in_its_record(shelf, export):
    export("--format", "jsonl", "--columns", "title,pk", "--compress", "none")
    record = ExportFile.objects.get()
    assert (record.format, record.columns) == ("jsonl", ["title", "pk"])
    assert record.name.endswith(".jsonl")
    assert len(stored_bytes(record).splitlines()) == 2


@pytest.mark.parametrize("words", [["--q", "nothing like it"], ["--q", "nothing like it", "--output", "out.csv"]])
def test_an_empty_result_is_said_plainly_and_is_a_file_with_headers(shelf, export, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    out, _ = export(*words)
    assert out.startswith("0 rows, ")
    assert out.splitlines()[1] == "Nothing was found, so that there are no rows in the file."
    data = (tmp_path / "out.csv").read_bytes() if "--output" in words else None
    assert (data or gzip.decompress(stored_bytes(ExportFile.objects.get()))).startswith(b"id,source_id,title")


def test_a_result_with_rows_is_not_said_to_be_empty(shelf, export):
    assert "Nothing was found" not in export()[0]


def test_too_many_addresses_are_refused_before_anything_is_done(shelf, export, settings):
    settings.EXPORTS = settings.EXPORTS | {"MAX_RECIPIENTS": 1}
    with pytest.raises(CommandError, match="2 addresses"):
        export("--email", "ann@example.org", "--email", "ben@example.org")
    assert not ExportFile.objects.exists()
    assert mail.outbox == []


def test_the_right_to_mail_to_others_is_checked_when_it_runs(shelf, export, in_task, django_user_model):
    ann = django_user_model.objects.create(username="ann", email="ann@example.org")
    ann.user_permissions.add(Permission.objects.get(codename="view_book"))
    in_task(owner=ann)
    with pytest.raises(CommandError, match=r"ann may not mail exports to ben@example\.org"):
        export("--email", "ben@example.org")
    assert not ExportFile.objects.exists()
    ann.user_permissions.add(Permission.objects.get(codename="mail_exports_to_others"))
    in_task(owner=ann)
    export("--email", "ben@example.org")
    assert [message.to for message in mail.outbox] == [["ben@example.org"]]


def test_a_full_quota_is_said_before_any_row_is_read(shelf, export, settings):
    export()
    settings.EXPORTS = settings.EXPORTS | {"QUOTA": 1}
    with pytest.raises(CommandError, match="as much as"):
        export()
    assert ExportFile.objects.count() == 1


# The second exporter.


@pytest.fixture
def listed(tmp_path, capsys):
    """Return the function that runs `export_authors`, and gives the rows of the file."""

    def run(*words: str) -> list[dict[str, str]]:
        path = tmp_path / "authors.csv"
        call_command("export_authors", "--output", str(path), *words, verbosity=0)
        return read_csv(path.read_bytes())

    return run


def test_authors_come_with_what_the_database_counts_and_what_python_makes_of_them(authors, listed):
    found = [(row["name"], row["books"], row["decades"]) for row in listed()]
    assert found == [("Homer", "1", "750s BC"), ("James Joyce", "3", "1910s, 1920s"), ("Sappho", "0", "")]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["--name", "joy"], ["James Joyce"]),
        (["--language", "ENG"], ["James Joyce"]),
        (["--language", "grc"], ["Homer"]),
        (["--min-books", "1"], ["Homer", "James Joyce"]),
        (["--min-books", "3", "--language", "ita"], ["James Joyce"]),
        (["--min-books", "0"], ["Homer", "James Joyce", "Sappho"]),
        (["--min-books", "4"], []),
    ],
)
def test_authors_are_narrowed_down_and_all_their_books_still_counted(authors, listed, words, names):
    rows = listed(*words)
    assert [row["name"] for row in rows] == names
    counts = {"Homer": "1", "James Joyce": "3", "Sappho": "0"}
    assert all(row["books"] == counts[row["name"]] for row in rows)


def test_without_the_callable_no_author_is_made_an_instance(authors, listed, monkeypatch):
    monkeypatch.setattr(Author, "from_db", classmethod(lambda *_: pytest.fail("an instance was made")))
    assert listed("--columns", "name,books")[1] == {"name": "James Joyce", "books": "3"}


def test_books_of_authors_are_fetched_in_chunks_and_not_one_by_one(authors, listed, django_assert_max_num_queries):
    for number in range(20):
        make_book(author=f"Author {number}")
    with django_assert_max_num_queries(8):
        assert len(listed()) == 23


@pytest.mark.parametrize("value", ["-1", "1.5", "many"])
def test_a_number_of_books_that_is_none_is_refused(listed, value):
    with pytest.raises(CommandError, match="argument --min-books"):
        listed(f"--min-books={value}")


def test_the_command_s_help_names_its_formats_and_columns(capsys):
    with pytest.raises(SystemExit):
        call_command("export_authors", "--help")
    text = " ".join(capsys.readouterr().out.split())
    assert "One of csv, tsv, jsonl, xlsx, parquet;" in text
    assert "of: pk, name, books, decades." in text
    assert "admin-selection" not in text


def test_on_postgresql_authors_are_the_same(postgres, listed):
    make_book("Iliad", author="Homer", published_year=-750, language="grc")
    for year in (1914, 1922):
        make_book(author="James Joyce", published_year=year, language="eng")
    Author.objects.create(name="100 % =Sappho")
    rows = listed("--columns", "name,books,decades")
    assert [tuple(row.values()) for row in rows] == [
        ("Homer", "1", "750s BC"),
        ("James Joyce", "2", "1910s, 1920s"),
        ("100 % =Sappho", "0", ""),
    ]
    assert listed("--columns", "name,books") == [{"name": row["name"], "books": row["books"]} for row in rows]
    assert [row["name"] for row in listed("--min-books", "2", "--language", "Eng")] == ["James Joyce"]
    assert [row["name"] for row in listed("--name", "%")] == ["100 % =Sappho"]


def test_columns_that_were_typed_can_be_recorded_and_given_again(shelf, capsys):
    command = load_command("export_authors")
    words = ["--columns", "books,name", "--columns", "pk"]
    options = typed_options(command, words)
    assert options["columns"] == ["books,name", "pk"]
    parser = command.create_parser("manage.py", "export_authors")
    again = command_line(parser, [], {"columns": options["columns"]})
    assert typed_options(command, again)["columns"] == options["columns"]


def typed_options(command, words):
    return vars(command.create_parser("manage.py", "export_authors").parse_args(words))


def test_bytes_are_written_in_base64(shelf):
    assert plain(b"\xfb\xef") == plain(memoryview(b"\xfb\xef")) == "++8="
