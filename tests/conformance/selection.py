"""Which of the tests that were found are run, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class Selection:
    """The ids of tests to run, of the excluded and of the unsafe ones with the reasons, and names of no test.

    unsafe: those to run that use the ORM in a coroutine.
    """

    to_run: list[str]
    excluded: dict[str, str]
    unsafe: dict[str, str]
    stale: list[str]


def select(test_ids: Iterable[str], *, excluded: Mapping[str, str], unsafe: Mapping[str, str]) -> Selection:
    """Sort tests by two lists of names (of tests, of classes or of modules of tests) with reasons."""
    test_ids = list(test_ids)
    reasons, stale = _named(test_ids, excluded)
    to_run = [test_id for test_id in test_ids if test_id not in reasons]
    reasons_unsafe, stale_unsafe = _named(to_run, unsafe)
    return Selection(to_run, reasons, reasons_unsafe, stale + stale_unsafe)


def _named(test_ids: list[str], reasons: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the tests that are named, each with its reason, and the names that are none's."""
    named = {
        test_id: reason for test_id in test_ids for name, reason in reasons.items() if _is_part_of(test_id, name)
    }
    stale = [name for name in reasons if not any(_is_part_of(test_id, name) for test_id in test_ids)]
    return named, stale


def _is_part_of(test_id: str, name: str) -> bool:
    return f"{test_id}.".startswith(f"{name}.")
