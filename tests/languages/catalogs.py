"""The catalogs of texts: whose they are, and what the sources have for them now."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from django.core.management import call_command
from django.core.management.commands import makemessages
from django.test import override_settings

if TYPE_CHECKING:
    from babel.messages import Message

ROOT = Path(__file__).parents[2]
LANGUAGES = ("de",)
TOOLS = ("xgettext", "msguniq", "msgmerge", "msgattrib", "msgfmt")
KINDS = (".py", ".html", ".txt", ".po")


class Catalog(NamedTuple):
    """One folder `locale`, and the folders whose texts are in it, without those that have one of their own."""

    home: str
    sources: tuple[str, ...]
    without: tuple[str, ...] = ()

    def path(self, language: str, kind: str = "po", *, root: Path = ROOT) -> Path:
        return root / self.home / "locale" / language / "LC_MESSAGES" / f"django.{kind}"


CATALOGS = (
    Catalog("brokerless", ("brokerless",), without=("brokerless/exports",)),
    Catalog("brokerless/exports", ("brokerless/exports",)),
    # Its pages and its declarations of exports are no apps with templates or texts of their own.
    Catalog("library", ("library", "exports", "templates")),
)


class Extraction(makemessages.Command):
    """Django's `makemessages` for a catalog that anybody makes alike: no date, no guess at what is new."""

    msgmerge_options = [*makemessages.Command.msgmerge_options, "--no-fuzzy-matching"]

    def write_po_file(self, potfile: str, locale: str) -> None:
        super().write_po_file(potfile, locale)
        path = Path(potfile).parent / locale / "LC_MESSAGES" / "django.po"
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith('"POT-Creation-Date')]
        path.write_text("".join(kept), encoding="utf-8")


def extract(catalog: Catalog, directory: Path) -> dict[str, Path]:
    """Return the catalog's files of the sources as they are, by language, made in an empty directory."""
    for folder in catalog.sources:
        _copy(catalog, folder, directory)
    for language in LANGUAGES:
        catalog.path(language, root=directory).parent.mkdir(parents=True, exist_ok=True)
    options = {"no_wrap": True, "add_location": "file", "no_obsolete": True, "verbosity": 0}
    places = [str(directory / catalog.home / "locale")]
    with contextlib.chdir(directory), override_settings(LOCALE_PATHS=places):
        call_command(Extraction(), locale=list(LANGUAGES), **options)
    return {language: catalog.path(language, root=directory) for language in LANGUAGES}


def compile_catalog(path: Path, compiled: Path) -> None:
    """Make what Django reads of a catalog. Raises CalledProcessError for one with mistakes in its formats."""
    subprocess.run(["msgfmt", "--check-format", "--output-file", str(compiled), str(path)], check=True)


def is_translated(message: Message) -> bool:
    return all(message.string) if isinstance(message.string, tuple) else bool(message.string)


def _copy(catalog: Catalog, folder: str, directory: Path) -> None:
    left_out = {ROOT / each for each in catalog.without}
    for path in sorted((ROOT / folder).rglob("*")):
        if path.suffix in KINDS and path.is_file() and not left_out.intersection(path.parents):
            target = directory / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
