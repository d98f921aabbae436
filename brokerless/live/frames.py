"""The wire format of Server-Sent Events (HTML standard, 9.2.6)."""

from __future__ import annotations

import json
from typing import Any

COMMENT = b": still here\n\n"


def event(name: str, data: Any, *, event_id: int | None = None) -> bytes:
    """Return an event whose data is JSON, which has no line break."""
    lines = [f"event: {name}", *([] if event_id is None else [f"id: {event_id}"]), f"data: {json.dumps(data)}"]
    return ("\n".join(lines) + "\n\n").encode()


def retry(milliseconds: int) -> bytes:
    """Return how long a client waits before it connects again."""
    return f"retry: {milliseconds}\n\n".encode()
