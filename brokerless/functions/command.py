"""The management command that calls a task function: its name, and its defaults."""

from __future__ import annotations

CALL_TASK = "call_task"
# The framework's default backend, which is left out of the row.
DEFAULT_ALIAS = "default"
