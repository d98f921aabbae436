"""Exporters that a test declares for itself."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

from django.core.management import call_command

from brokerless.exports import registry
from brokerless.exports.commands import ExportCommand
from brokerless.exports.exporter import Exporter


def declare(monkeypatch, name: str, **declared: Any) -> Exporter:
    """Register an exporter for the time of a test."""
    exporter = type("Declared", (Exporter,), declared)(name)
    monkeypatch.setitem(registry._exporters, name, exporter)
    return exporter


def rows_of(exporter: Exporter, path, *words: str, **options: Any) -> list[dict[str, Any]]:
    """Return the rows that the exporter's command, as typed, writes to a file beside the test's."""
    command = type("Command", (ExportCommand,), {"exporter": exporter.name})()
    call_command(command, *words, output=str(path / "rows.jsonl"), stdout=StringIO(), **options)
    return [json.loads(line) for line in (path / "rows.jsonl").read_text().splitlines()]
