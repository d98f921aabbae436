"""Authors by name, made where they are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from library.batches import in_batches
from library.models import Author

if TYPE_CHECKING:
    from collections.abc import Iterable


def author_ids(names: Iterable[str]) -> dict[str, int]:
    """Return the keys of the authors of these names, and create those that nobody has created yet.

    Safe beside others that do the same: they insert in one order, so that they never wait in a circle.
    """
    ids: dict[str, int] = {}
    for batch in in_batches(sorted(set(names))):
        ids |= _known_ids(batch)
        if missing := [name for name in batch if name not in ids]:
            Author.objects.bulk_create([Author(name=name) for name in missing], ignore_conflicts=True)
            # Where a conflict is ignored the statement returns no keys.
            ids |= _known_ids(missing)
    return ids


def _known_ids(names: list[str]) -> dict[str, int]:
    return {name: author.pk for name, author in Author.objects.in_bulk(names, field_name="name").items()}
