"""When two wishes of somebody are for the same file."""

from __future__ import annotations

import json
from typing import Any

from django.utils import timezone, translation


def unique_key(exporter_name: str, wanted: Any) -> str:
    """Return what is the same for exports of the same file; its labels and moments are those of who asks."""
    where = {"language": translation.get_language(), "time_zone": timezone.get_current_timezone_name()}
    return f"export {exporter_name} {json.dumps([wanted, where], sort_keys=True)}"
