"""What the watcher has seen of each row, and what differs at the next look."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from brokerless.live.looking import OWNER_LIMIT
from brokerless.live.subscription import NOTICES, ROWS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from uuid import UUID

    from brokerless.live.looking import Brief
    from brokerless.live.subscription import Watched


@dataclass
class Changes:
    """Tasks that changed at all, in a list's row, or that are gone; owners for whom something changed.

    for_owners: the tasks that did it.
    """

    tasks: set[UUID] = field(default_factory=set)
    rows: set[UUID] = field(default_factory=set)
    gone: set[UUID] = field(default_factory=set)
    owners: set[Any] = field(default_factory=set)
    for_owners: set[UUID] = field(default_factory=set)

    def topics_of(self, watched: Watched) -> set[str]:
        """Return the topics of a page of which something has changed."""
        found = {
            ROWS: not watched.row_ids.isdisjoint(self.rows | self.gone),
            NOTICES: watched.owner_id in self.owners,
        }
        return {topic for topic, has_changed in found.items() if has_changed}


class Seen:
    """The last brief of each watched row, and of each row of a watched owner."""

    def __init__(self) -> None:
        self._by_id: dict[UUID, Brief] = {}
        self._by_owner: dict[Any, dict[UUID, Brief]] = {}

    def compare(self, briefs: Iterable[Brief], task_ids: Collection[UUID], owner_ids: Collection[Any]) -> Changes:
        """Return what differs, in the rows of these ids and these owners, from what was seen before; remember it.

        What is seen for the first time has not changed.
        """
        changes = Changes()
        found = {brief.task_id: brief for brief in briefs}
        for task_id in task_ids:
            self._compare_row(task_id, found.get(task_id), changes)
        of_owners: dict[Any, dict[UUID, Brief]] = {owner_id: {} for owner_id in owner_ids}
        for brief in found.values():
            if brief.is_recent and brief.owner_id in of_owners:
                of_owners[brief.owner_id][brief.task_id] = brief
        for owner_id, now in of_owners.items():
            before = self._by_owner.get(owner_id, now)
            different = _different(before, now)
            if different or _is_anything_lost(before, now):
                changes.owners.add(owner_id)
            if len(before) < OWNER_LIMIT and len(now) < OWNER_LIMIT:
                changes.for_owners |= different
            else:  # of very many some come into view, and have not changed
                changes.for_owners |= different & before.keys()
            self._by_owner[owner_id] = now
        return changes

    def worth_a_look(self) -> set[UUID]:
        """Return the ids of what was unfinished when last seen, and may not go on by itself.

        Of the tasks that a page shows all; of an owner's those that have a process, and one that waits: who looks
        after that starts whatever may start.
        """
        of_owners = [brief for of_one in self._by_owner.values() for brief in of_one.values()]
        found = {brief.task_id for brief in of_owners if brief.is_active}
        waiting = (brief.task_id for brief in of_owners if not (brief.is_active or brief.is_finished))
        found.update(islice(waiting, 1))
        return found | {task_id for task_id, brief in self._by_id.items() if not brief.is_finished}

    def forget_all_but(self, task_ids: Collection[UUID], owner_ids: Collection[Any]) -> None:
        """Keep what is watched still."""
        self._by_id = {key: brief for key, brief in self._by_id.items() if key in task_ids}
        self._by_owner = {key: briefs for key, briefs in self._by_owner.items() if key in owner_ids}

    def _compare_row(self, task_id: UUID, now: Brief | None, changes: Changes) -> None:
        before = self._by_id.pop(task_id, None)
        if now is not None:
            self._by_id[task_id] = now
        if before is None:
            return
        if now is None:
            changes.gone.add(task_id)
            return
        if now != before:
            changes.tasks.add(task_id)
        if now.row != before.row:
            changes.rows.add(task_id)


def _different(before: dict[UUID, Brief], now: dict[UUID, Brief]) -> set[UUID]:
    """Return what is new, or differs in what an owner is told of."""
    return {key for key, brief in now.items() if key not in before or before[key].notices != brief.notices}


def _is_anything_lost(before: dict[UUID, Brief], now: dict[UUID, Brief]) -> bool:
    """Tell whether anything went without having ended."""
    return any(key not in now and not brief.is_finished for key, brief in before.items())
