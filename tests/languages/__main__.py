"""`make messages`: bring the catalogs up to date with the sources, and compile them."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from babel.messages.pofile import read_po
from django.conf import settings

from tests.languages.catalogs import CATALOGS, LANGUAGES, TOOLS, Catalog, compile_catalog, extract, is_translated


def main() -> int:
    """Write the files, say what is to be translated, and return 1 if that is anything."""
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        print(f"Install GNU gettext (apt-get install gettext): {', '.join(missing)} is missing.", file=sys.stderr)
        return 1
    settings.configure()  # the sources are read, not run
    return 1 if sum(_update(catalog) for catalog in CATALOGS) else 0


def _update(catalog: Catalog) -> int:
    """Bring one catalog up to date, and return how many of its texts have no translation."""
    untranslated = 0
    with tempfile.TemporaryDirectory() as directory:
        extracted = extract(catalog, Path(directory))
        for language in LANGUAGES:
            path = catalog.path(language)
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(extracted[language], path)
            compile_catalog(path, catalog.path(language, "mo"))
            untranslated += _report(path)
    return untranslated


def _report(path: Path) -> int:
    with path.open("rb") as file:
        messages = [message for message in read_po(file) if message.id]
    left = [message for message in messages if message.fuzzy or not is_translated(message)]
    print(f"{path}: {len(messages)} texts")
    for message in left:
        print(f"  to be translated: {message.id!r}")
    return len(left)


if __name__ == "__main__":
    sys.exit(main())
