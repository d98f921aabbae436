"""What the tests of fetching files share: the file's content, its address, and the files that are opened."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from brokerless.exports.models import ExportFile

if TYPE_CHECKING:
    import io

DATA = bytes(range(256)) * 4096  # a megabyte: several pieces
SHA256 = hashlib.sha256(DATA).hexdigest()


def url_of(record: ExportFile) -> str:
    return f"/exports/files/{record.pk}/"


@pytest.fixture
def tagged(make_file, ann) -> ExportFile:
    return make_file(ann, DATA, sha256=SHA256)


@pytest.fixture
def opened(monkeypatch) -> list[io.IOBase]:
    """Return the files that are opened in storages."""
    files = []
    real = ExportFile.storage.fget

    def storage(self):
        found = real(self)

        plain = found.open

        def open_and_note(name, mode="rb"):
            files.append(plain(name, mode))
            return files[-1]

        if "open" not in vars(found):  # not of its class: a storage with ways of its own is another case
            monkeypatch.setitem(vars(found), "open", open_and_note)
        return found

    monkeypatch.setattr(ExportFile, "storage", property(storage))
    return files
