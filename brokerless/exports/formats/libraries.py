"""Which formats need a library that a site may do without, and whether it is there."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from brokerless.exports.formats.layout import PARQUET


@dataclass(frozen=True)
class Library:
    """What a format is written with: the module, its name for people, and the extra that installs it."""

    module: str
    name: str
    extra: str


LIBRARIES = {PARQUET: Library("pyarrow", "pyarrow", "parquet")}


def is_installed(format_name: str) -> bool:
    """Tell whether files of a format can be written here, without the import, which takes its time."""
    library = LIBRARIES.get(format_name)
    return library is None or find_spec(library.module) is not None


def remedy(format_name: str) -> str:
    """Return how to install what a format needs."""
    return f"pip install 'django-brokerless[{LIBRARIES[format_name].extra}]'"
