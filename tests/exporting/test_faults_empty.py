"""An export that finds nothing: a file with its headers all the same, and the summary and the page say so."""

from __future__ import annotations

import io

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pyarrow import parquet

from brokerless.exports.models import ExportFile
from brokerless.exports.registry import get_exporter
from brokerless.models import TaskState
from tests.exporting.making import make_book
from tests.exporting.workbooks import read_rows

pytestmark = pytest.mark.django_db

NOTHING = ["--language", "xx"]


def headers() -> list[str]:
    return [column.header for column in get_exporter("books").get_columns()]


def names() -> list[str]:
    return [column.name for column in get_exporter("books").get_columns()]


@pytest.mark.parametrize(
    ("file_format", "read", "expected"),
    [
        ("csv", lambda data: data.decode().splitlines(), lambda: [",".join(headers())]),
        ("tsv", lambda data: data.decode().splitlines(), lambda: ["\t".join(headers())]),
        ("jsonl", lambda data: data, lambda: b""),
        ("xlsx", read_rows, lambda: [headers()]),
        ("parquet", lambda data: parquet.read_schema(io.BytesIO(data)).names, names),
    ],
)
def test_the_file_has_its_headers(export, tmp_path, file_format, read, expected):
    make_book(language="eng")
    path = tmp_path / f"books.{file_format}"
    out, _ = export("--output", str(path), *NOTHING)
    assert read(path.read_bytes()) == expected()
    assert out.splitlines()[1] == "Nothing was found, so that there are no rows in the file."


@pytest.mark.parametrize(("language", "said"), [("xx", True), ("eng", False)])
def test_the_page_of_the_task_says_so(export, in_task, settings, language, said):
    make_book(language="eng")
    ann = User.objects.create_superuser("ann")
    task = in_task(owner=ann)
    export("--language", language)
    assert ExportFile.objects.get().rows == (0 if said else 1)
    TaskState.objects.update(status=TaskState.Status.SUCCESSFUL, result=task.result)
    client = Client()
    client.force_login(ann)
    text = client.get(f"/tasks/{task.id}/").content.decode()
    assert ("No rows: nothing was found" in text) is said
    assert ("1 row," in text) is not said
