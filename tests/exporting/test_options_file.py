"""What the file is to be: format, columns and layout, refused in words wherever they are wrong."""

from __future__ import annotations

import pytest

from brokerless.exports.asking import file_options
from brokerless.exports.asking.file_options import clean_file_options, with_output
from brokerless.exports.columns import Column
from brokerless.exports.exceptions import InvalidFilters, InvalidOptions
from brokerless.exports.exporter import Exporter
from brokerless.exports.formats import libraries
from brokerless.exports.formats.layout import Layout
from brokerless.exports.registry import get_exporter
from library.models import Author


class Authors(Exporter):
    queryset = Author.objects.order_by("pk")
    columns = ("pk", Column("name", label="author"))
    formats = ("tsv", "csv")
    format = "tsv"


@pytest.fixture
def books():
    return get_exporter("books")


def errors_of(exporter, given) -> dict[str, list[str]]:
    with pytest.raises(InvalidOptions) as caught:
        clean_file_options(exporter, given)
    return caught.value.errors


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"format": "", "columns": [], "compress": None, "delimiter": "", "bom": None, "guard": ""},
        {"format": "csv", "compress": "gzip", "delimiter": ",", "bom": False, "guard": True},
        {"delimiter": "comma", "bom": "false", "guard": "on"},
    ],
)
def test_what_is_as_usual_is_not_said_again(books, given):
    wanted = clean_file_options(books, given)
    assert (wanted.columns, wanted.layout) == ((), Layout())
    assert wanted.as_json(books) == {}


@pytest.mark.parametrize(
    ("given", "layout", "said"),
    [
        ({"format": "jsonl"}, Layout("jsonl"), {"format": "jsonl"}),
        ({"format": "xlsx", "compress": "none"}, Layout("xlsx"), {"format": "xlsx"}),
        ({"format": "xlsx", "compress": "gzip"}, Layout("xlsx", "gzip"), {"format": "xlsx", "compress": "gzip"}),
        ({"compress": "none"}, Layout(compress="none"), {"compress": "none"}),
        ({"delimiter": "semicolon"}, Layout(delimiter=";"), {"delimiter": "semicolon"}),
        ({"delimiter": "\t"}, Layout(delimiter="\t"), {"delimiter": "tab"}),
        ({"bom": "true"}, Layout(bom=True), {"bom": True}),
        ({"guard": False}, Layout(guard=False), {"guard": False}),
        ({"format": "tsv", "delimiter": "comma", "bom": False}, Layout("tsv"), {"format": "tsv"}),
    ],
)
def test_what_is_not_as_usual_is_kept(books, given, layout, said):
    wanted = clean_file_options(books, given)
    assert wanted.layout == layout
    assert wanted.as_json(books) == said
    # And what was kept means the same again.
    assert clean_file_options(books, said) == wanted


@pytest.mark.parametrize(
    ("given", "columns"),
    [
        (["title"], ("title",)),
        ("author__name, title", ("author__name", "title")),
        (("title", "pk"), ("title", "pk")),
    ],
)
def test_columns_are_chosen_by_name_and_in_that_order(books, given, columns):
    wanted = clean_file_options(books, {"columns": given})
    assert wanted.columns == columns
    assert [column.name for column in books.get_columns(wanted.columns)] == [*columns]
    assert wanted.as_json(books) == {"columns": [*columns]}


def test_all_columns_in_their_order_are_none_chosen():
    assert clean_file_options(Authors("authors"), {"columns": "pk,name"}).columns == ()
    assert clean_file_options(Authors("authors"), {"columns": "name,pk"}).columns == ("name", "pk")


@pytest.mark.parametrize(
    ("given", "name", "text"),
    [
        ({"format": "xls"}, "format", "There is no “xls”; there is: csv, tsv, jsonl, xlsx, parquet."),
        ({"format": ["csv"]}, "format", "There is no “['csv']”"),
        ({"format": "CSV"}, "format", "There is no “CSV”"),
        ({"columns": "publisher"}, "columns", "There is no column “publisher”; there is: pk, source_id, title, "),
        ({"columns": "author"}, "columns", "There is no column “author”"),  # a label is no name
        ({"columns": "title,title"}, "columns", "The column “title” is named twice."),
        ({"columns": "title,"}, "columns", "There is no column “”"),
        ({"columns": 5}, "columns", "Must be a list of names."),
        ({"columns": [5]}, "columns", "Must be a list of names."),
        ({"columns": {"title": True}}, "columns", "Must be a list of names."),
        ({"compress": "zip"}, "compress", "There is no “zip”; there is: none, gzip."),
        ({"delimiter": "x"}, "delimiter", "There is no “x”; there is: comma, semicolon, tab, pipe."),
        ({"delimiter": '"'}, "delimiter", "there is: comma"),
        ({"delimiter": [","]}, "delimiter", "there is: comma"),
        ({"bom": 1}, "bom", "Must be true or false."),
        ({"guard": "perhaps"}, "guard", "Must be true or false."),
        ({"guard": 0}, "guard", "Must be true or false."),
        ({"guard": [False]}, "guard", "Must be true or false."),
        ({"format": "xlsx", "bom": True}, "bom", "Only a CSV file has it, not Excel (XLSX)."),
        ({"format": "tsv", "delimiter": ";"}, "delimiter", "Only a CSV file has it, not TSV."),
    ],
)
def test_what_is_wrong_is_said_with_what_is_right(books, given, name, text):
    errors = errors_of(books, given)
    assert list(errors) == [name]
    assert text in errors[name][0]


def test_everything_that_is_wrong_is_said_at_once(books):
    assert set(errors_of(books, {"format": "x", "columns": "x", "guard": "x"})) == {"format", "columns", "guard"}
    assert issubclass(InvalidOptions, InvalidFilters)


def test_an_exporter_may_have_fewer_formats_and_another_default():
    exporter = Authors("authors")
    assert exporter.get_formats() == ["tsv", "csv"]
    assert clean_file_options(exporter, {}).layout.format == "tsv"
    assert clean_file_options(exporter, {}).as_json(exporter) == {}
    assert clean_file_options(exporter, {"format": "csv"}).as_json(exporter) == {"format": "csv"}
    assert "there is: tsv, csv." in errors_of(exporter, {"format": "jsonl"})["format"][0]


@pytest.mark.parametrize("name", ["parquet"])
def test_a_format_whose_library_is_missing_says_how_to_install_it(books, monkeypatch, name):
    assert name in books.get_formats()
    monkeypatch.setattr(libraries, "find_spec", lambda module: None)
    assert name not in books.get_formats()
    assert f"pip install 'django-brokerless[{name}]'" in errors_of(books, {"format": name})["format"][0]
    assert books.get_formats() == ["csv", "tsv", "jsonl", "xlsx"]


def test_a_usual_format_whose_library_is_missing_is_refused_too_and_never_another_taken(monkeypatch):
    exporter = type("Parquet", (Authors,), {"formats": ("parquet", "tsv"), "format": "parquet"})("authors")
    assert clean_file_options(exporter, {}).layout == Layout("parquet")
    monkeypatch.setattr(libraries, "find_spec", lambda module: None)
    (text,) = errors_of(exporter, {})["format"]
    assert errors_of(exporter, {"format": "parquet"}) == {"format": [text]}
    assert "parquet needs pyarrow" in text
    assert text.endswith("Choose another: tsv.")
    assert clean_file_options(exporter, {"format": "tsv"}).as_json(exporter) == {"format": "tsv"}


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("books.csv.gz", {"format": "csv", "compress": "gzip"}),
        ("books.CSV", {"format": "csv", "compress": "none"}),
        ("books.csv.GZ", {"format": "csv", "compress": "gzip"}),
        ("a/b.2024.xlsx", {"format": "xlsx", "compress": "none"}),
        ("books.jsonl.gz", {"format": "jsonl", "compress": "gzip"}),
        ("books", {"compress": "none"}),
        ("books.gz", {"compress": "gzip"}),
        ("books.txt", {"compress": "none"}),
        ("csv", {"compress": "none"}),
        ("dir.csv/books", {"compress": "none"}),
    ],
)
def test_the_ending_of_a_file_s_name_says_what_it_is(output, said):
    assert with_output({"guard": False}, output) == {"guard": False, **said}
    assert with_output(said, output) == said


@pytest.mark.parametrize(
    ("given", "output", "name"),
    [
        ({"format": "csv"}, "books.xlsx", "format"),
        ({"format": "xlsx"}, "books.csv.gz", "format"),
        ({"compress": "gzip"}, "books.csv", "compress"),
        ({"compress": "none"}, "books.csv.gz", "compress"),
    ],
)
def test_a_name_that_contradicts_the_options_is_refused(given, output, name):
    with pytest.raises(InvalidOptions, match=f"contradicts the name {output}") as caught:
        with_output(given, output)
    assert list(caught.value.errors) == [name]


def test_the_names_of_delimiters_are_those_of_their_labels():
    assert file_options.DELIMITERS.keys() == file_options.DELIMITER_LABELS.keys()
