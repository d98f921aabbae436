"""What people type for times and sizes, as types of arguments."""

from __future__ import annotations

import math
import re
from argparse import ArgumentTypeError
from datetime import datetime, timedelta

from django.utils import timezone

SECONDS_OF = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
BYTES_OF = {"": 1, "B": 1}
BYTES_OF |= {f"{letter}{end}": 1000**power for power, letter in enumerate("KMGT", 1) for end in ("", "B")}
BYTES_OF |= {f"{letter}IB": 1024**power for power, letter in enumerate("KMGT", 1)}

NUMBER = r"(\d+(?:\.\d+)?)"
DURATION = re.compile(rf"(?:{NUMBER}(min|[smhdw]))+", re.ASCII)
SIZE = re.compile(rf"{NUMBER} ?([A-Z]*)", re.ASCII)
LARGEST_NUMBER = 2**31 - 1  # that every database takes


def duration(text: str) -> timedelta:
    """Read "90s", "5m", "2h", "3d", "1w" or several of them in a row ("1h30m")."""
    if not DURATION.fullmatch(text):
        raise ArgumentTypeError(f"{text!r} is no duration such as 90s, 5m, 2h, 3d, 1w or 1h30m.")
    parts = re.findall(rf"{NUMBER}(min|[smhdw])", text)
    try:
        return timedelta(seconds=sum(float(number) * SECONDS_OF[unit] for number, unit in parts))
    except OverflowError:
        raise ArgumentTypeError(f"{text!r} is too long a duration.") from None


def seconds(text: str) -> float:
    """Read a number of seconds from 0 on, or a duration."""
    try:
        number = duration(text).total_seconds() if DURATION.fullmatch(text) else float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise ArgumentTypeError(
            f"{text!r} is not a number of seconds from 0 on. It may also have a unit: 90s, 5m, 2h."
        )
    return number


def size(text: str) -> int:
    """Read a number of bytes, also with a unit: "512MB", "1.5 GB", "512MiB"."""
    found = SIZE.fullmatch(text.upper())
    if not found or found[2] not in BYTES_OF:
        raise ArgumentTypeError(f"{text!r} is no size such as 512MB, 1.5GB or 512MiB.")
    return round(float(found[1]) * BYTES_OF[found[2]])


def moment_ago(text: str) -> datetime:
    """Read a moment: a duration before now, or a date with or without a time."""
    return _moment(text, -1)


def moment_ahead(text: str) -> datetime:
    """Read a moment: a duration from now on, or a date with or without a time."""
    return _moment(text, +1)


def whole_number_from_1(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= LARGEST_NUMBER):
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1 to {LARGEST_NUMBER}.")
    return int(text)


def _moment(text: str, direction: int) -> datetime:
    try:
        if DURATION.fullmatch(text):
            return timezone.now() + direction * duration(text)
        found = datetime.fromisoformat(text)
    except OverflowError:
        raise ArgumentTypeError(f"{text!r} is too long a duration.") from None
    except ValueError:
        raise ArgumentTypeError(
            f"{text!r} is neither a duration such as 2h or 3d nor a date such as 2027-01-31 or 2027-01-31T18:30."
        ) from None
    return found if timezone.is_aware(found) else timezone.make_aware(found)
