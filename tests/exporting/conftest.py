"""Fixtures of the exports: a storage of the test's own, and a task to run in."""

from __future__ import annotations

import gzip
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from django.core.management import call_command

from brokerless.current import current_task, set_current_task
from tests.exporting.mail_backends import ToldBackend
from tests.exporting.making import make_current_task, make_next_attempt, store_in
from tests.exporting.reading import read_csv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from brokerless.current import CurrentTask


@pytest.fixture(autouse=True)
def export_directory(tmp_path: Path, settings, runtime_dir: Path) -> Path:
    """Store export files in the test's directory."""
    return store_in(tmp_path / "exports", settings)


@pytest.fixture
def in_task(db: None) -> Iterator[Callable[..., CurrentTask]]:
    """Return the function that makes this process the command process of a new task."""

    def enter(**keywords) -> CurrentTask:
        task = make_current_task(**keywords)
        set_current_task(task)
        return task

    yield enter
    set_current_task(None)


@pytest.fixture
def next_attempt(in_task: Callable) -> Callable[[], CurrentTask]:
    """Return the function that makes this process that of its task's next attempt."""

    def enter() -> CurrentTask:
        task = make_next_attempt(current_task())
        set_current_task(task)
        return task

    return enter


@pytest.fixture
def export(db: None) -> Callable[..., tuple[str, str]]:
    """Return the function that runs `export_books` as typed, and gives what it wrote to both streams."""

    def run(*words: str) -> tuple[str, str]:
        out, err = StringIO(), StringIO()
        call_command("export_books", *words, stdout=out, stderr=err)
        return out.getvalue(), err.getvalue()

    return run


@pytest.fixture
def exported(export: Callable, tmp_path: Path) -> Callable[..., list[dict[str, str]]]:
    """Return the function that runs `export_books` with filters, and gives the rows of the file."""

    def run(*words: str) -> list[dict[str, str]]:
        path = tmp_path / "books.csv.gz"
        export("--output", str(path), *words)
        return read_csv(gzip.decompress(path.read_bytes()))

    return run


@pytest.fixture
def backend_told(settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable]:
    """Return what the mail backend does for a recipient, to be filled: a callable that gets the mail."""
    settings.EMAIL_BACKEND = "tests.exporting.mail_backends.ToldBackend"
    monkeypatch.setattr(ToldBackend, "told", {})
    monkeypatch.setattr(ToldBackend, "opened", 0)
    monkeypatch.setattr(ToldBackend, "failure", None)
    return ToldBackend.told
