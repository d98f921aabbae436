"""What the product itself says of an end: kept in the row in English, told in the language of whoever reads it.

Each sentence stands here once: `written()` fills it for the row, and `told()` knows it again by the same words.
What a command says in its own words is left as it is.
"""

from __future__ import annotations

import re
from functools import cache

from django.utils.formats import get_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

EXITED = gettext_noop("The command exited with code %(code)s.")
STOPPED = gettext_noop("The command was stopped by %(signal)s.")
RETURNED_BUT_EXITED = gettext_noop("The command returned, but then exited with code %(code)s.")
EXITED_WITH_CODE = gettext_noop("The command exited with code %(code)s without reporting.")
EXITED_WITHOUT_REPORTING = gettext_noop("The command exited without reporting.")
KILLED = gettext_noop("The command was killed by %(signal)s.")
OUT_OF_MEMORY = gettext_noop("The command was killed by %(signal)s, probably as memory ran out.")
ENDED_AT_START = gettext_noop("The process ended before the command started.")
KILLED_AT_START = gettext_noop("The process was killed by %(signal)s before the command started.")
EXITED_AT_START = gettext_noop("The process exited with code %(code)s before the command started.")
NOT_SPAWNED = gettext_noop("The process could not be started: %(reason)s")
CLAIMED_IN_VAIN = gettext_noop("The task was taken %(times)s times, but each time its process was never started.")
START_TIMED_OUT = gettext_noop("The command had not started after %(seconds)s s, and its process was killed.")
SILENT_AT_START = gettext_noop(
    "Nothing has been heard for more than %(seconds)s s from %(host)s, which was to start it."
)
MONITOR_KILLED = gettext_noop(
    "The process that watched the command was killed by %(signal)s; nobody knows how the command ended."
)
MONITOR_EXITED = gettext_noop(
    "The process that watched the command exited with code %(code)s; nobody knows how the command ended."
)
MONITOR_GONE = gettext_noop("The process that watched the command is gone; nobody knows how the command ended.")
SILENT = gettext_noop("Nothing has been heard from %(host)s for more than %(seconds)s s.")
NOT_WATCHED = gettext_noop("The command could not be watched, and was killed: %(reason)s")
SHUT_DOWN = gettext_noop(
    "Stopped by %(signal)s, which nobody asked for here: a shutdown or a restart of the service."
)
TIMED_OUT = gettext_noop("The command ran longer than %(seconds)s s.")
MEMORY_LIMIT = gettext_noop("The command used more than %(size)s.")

# What is said of an end of each type; of all other types a command has said it.
SENTENCES = {
    "SystemExit": (EXITED,),
    "TaskCancelled": (STOPPED,),
    "exited": (RETURNED_BUT_EXITED, EXITED_WITH_CODE),
    "exited-without-reporting": (EXITED_WITHOUT_REPORTING,),
    "killed-by-signal": (KILLED,),
    "out-of-memory": (OUT_OF_MEMORY,),
    "exited-at-start": (ENDED_AT_START, KILLED_AT_START, EXITED_AT_START),
    "not-spawned": (NOT_SPAWNED, CLAIMED_IN_VAIN),
    "start-timed-out": (START_TIMED_OUT, SILENT_AT_START),
    "lost": (MONITOR_KILLED, MONITOR_EXITED, MONITOR_GONE, SILENT),
    "not-watched": (NOT_WATCHED,),
    "shut-down": (SHUT_DOWN,),
    "timed-out": (TIMED_OUT,),
    "memory-limit": (MEMORY_LIMIT,),
}
# How each value is written in the row; numbers as "%g" has them.
VALUES = {
    "code": r"-?\d+",
    "signal": r"signal \d+ \(.+?\)",
    "seconds": r"[\d.e+]+",
    "size": r"[\d.e+]+ \w+",
    "times": r"\d+",
    "host": r"\S+",
    "reason": r".*",
}
PLACE = re.compile(r"%\((\w+)\)s")


def written(sentence: str, **values: object) -> str:
    """Return one of these sentences in English, as rows, logs and programs have it."""
    return sentence % values


def told(kind: str, title: str) -> str:
    """Return the row's title of an end in the language that is active; as it is where a command said it."""
    for sentence in SENTENCES.get(kind, ()):
        # The row has no space at the end, where a reason is empty.
        if found := _pattern(sentence).fullmatch(title) or _pattern(sentence).fullmatch(f"{title} "):
            values = {name: _spoken(name, value) for name, value in found.groupdict().items()}
            return (_(sentence) % values).strip()
    return title


@cache
def _pattern(sentence: str) -> re.Pattern[str]:
    parts = PLACE.split(sentence)  # text and names by turns
    return re.compile(
        "".join(
            f"(?P<{part}>{VALUES[part]})" if place % 2 else re.escape(part) for place, part in enumerate(parts)
        )
    )


def _spoken(name: str, value: str) -> str:
    if name == "signal":
        number, name_of_it = value.removeprefix("signal ").split(" ", 1)
        return _("signal %(number)s (%(name)s)") % {"number": number, "name": name_of_it[1:-1]}
    if name in {"seconds", "size"}:
        return value.replace(".", get_format("DECIMAL_SEPARATOR"))
    return value
