"""What the tests of the checks ask of every message."""

from __future__ import annotations


def ids(messages):
    """Return the messages' ids; each has a hint that says what to do."""
    without = [message.msg for message in messages if not message.hint]
    assert without == []
    return [message.id for message in messages]
