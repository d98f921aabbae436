"""Fixtures of the site's pages: people, their browsers and programs, and tasks that no process runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from brokerless.exports.models import ExportFile
from brokerless.models import TaskState
from brokerless.runtime_dir import TaskFiles
from tests.exporting.making import store_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

JSON = "application/json"
EVERYTHING = ["view_book", "generate_book", "view_author", "recompute_authorstatistics"]


@pytest.fixture
def export_directory(tmp_path: Path, settings, runtime_dir: Path) -> Path:
    """Store export files in the test's directory."""
    return store_in(tmp_path / "exports", settings)


@pytest.fixture
def site(db: None, export_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the site record tasks, and never start a process for them."""
    monkeypatch.setattr("brokerless.launching.dispatch", lambda **_: 0)
    monkeypatch.setattr("brokerless.tick.dispatch_for_poll", lambda: 0)


@pytest.fixture
def person(site: None) -> Callable[..., User]:
    """Return the function that makes an account with permissions."""

    def make(name: str, *permissions: str, **values) -> User:
        user = User.objects.create(username=name, email=f"{name}@example.org", **values)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        return user

    return make


@pytest.fixture
def ann(person: Callable[..., User]) -> User:
    return person("ann", *EVERYTHING)


@pytest.fixture
def bob(person: Callable[..., User]) -> User:
    """Somebody else, who may do the same."""
    return person("bob", *EVERYTHING)


@pytest.fixture
def staff(person: Callable[..., User]) -> User:
    return person("staff", "view_book", is_staff=True)


@pytest.fixture
def admin_of(person: Callable[..., User]) -> Callable[..., Client]:
    """Return the function that gives the browser of a member of the staff with these permissions."""

    def make(*permissions: str, name: str = "boss") -> Client:
        return client_of(person(name, *permissions, is_staff=True))

    return make


def client_of(user: User | None, accept: str | None = None, **keywords) -> Client:
    client = Client(headers={"accept": accept} if accept else None, **keywords)
    if user is not None:
        client.force_login(user)
    return client


@pytest.fixture
def browser_of() -> Callable[..., Client]:
    """Return the function that gives a person's browser, which takes pages."""
    return client_of


@pytest.fixture
def program_of() -> Callable[..., Client]:
    """Return the function that gives a person's program, which takes JSON."""

    def make(user: User | None, **keywords) -> Client:
        return client_of(user, JSON, **keywords)

    return make


@pytest.fixture
def browser(ann: User) -> Client:
    return client_of(ann)


@pytest.fixture
def program(ann: User) -> Client:
    return client_of(ann, JSON)


@pytest.fixture
def visitor(site: None) -> Client:
    return client_of(None)


@pytest.fixture
def make_task(site: None) -> Callable[..., TaskState]:
    """Return the function that makes a task's row."""

    def make(owner: User | None = None, **values) -> TaskState:
        return TaskState.objects.create(**{"command": "export_books", "title": "Books", "owner": owner} | values)

    return make


@pytest.fixture
def make_file(site: None) -> Callable[..., ExportFile]:
    """Return the function that makes a stored file with its record."""

    def make(owner: User | None = None, data: bytes = b"\x1f\x8b the file", **values) -> ExportFile:
        from django.core.files.base import ContentFile
        from django.utils import timezone

        usual = {"exporter": "books", "name": "books.csv.gz", "rows": 1, "ready_at": timezone.now()}
        record = ExportFile.objects.create(**usual | {"owner": owner, "bytes": len(data)} | values)
        record.storage.save(record.storage_name, ContentFile(data))
        return record

    return make


@pytest.fixture
def make_log() -> Callable[..., Path]:
    """Return the function that gives a task a log, and returns the directory in which it lies."""

    def make(task: TaskState, text: str = "said\n") -> Path:
        files = TaskFiles(task.pk, task.lease)
        files.create_directory()
        files.log.write_text(text)
        return files.directory

    return make
