"""Columns as an export plans them, for the tests of what writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokerless.exports.columns import PlannedColumn

if TYPE_CHECKING:
    from brokerless.exports.kinds import Kind


def planned(name: str, kind: Kind, *, header: str = "", **digits: int) -> PlannedColumn:
    return PlannedColumn(header or name, name, kind, **digits)
