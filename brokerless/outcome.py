"""How an attempt ended, in words: the only place that names exit codes and signals."""

from __future__ import annotations

import os
import signal
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

from brokerless import ending_words as words
from brokerless.arguments import storable
from brokerless.ending_words import written
from brokerless.models import TaskState
from brokerless.processes import signal_name

Status = TaskState.Status
TYPE_LIMIT = 200
CLASS_LIMIT = 500
TITLE_LIMIT = 500
DETAIL_LIMIT = 20_000
THOUSAND = 1000


@dataclass(frozen=True)
class Outcome:
    """A final status and the fields of the row that explain it.

    error_class: the dotted path of what was raised, for an exception.
    is_final: another attempt would end in the same way, so that there is none.
    """

    status: str
    error_type: str = ""
    error_title: str = ""
    error_detail: str = ""
    error_class: str = ""
    result: Any = None
    exit_code: int | None = None
    exit_signal: int | None = None
    is_final: bool = False

    def fields(self) -> dict[str, Any]:
        """Return the row's fields, cut to what they hold and free of what a database refuses."""
        values = asdict(self)
        del values["is_final"]
        values["error_type"] = self.error_type[:TYPE_LIMIT]
        # A path that is cut would name another class, or none.
        values["error_class"] = self.error_class if len(self.error_class) <= CLASS_LIMIT else ""
        values["error_title"] = " ".join(storable(self.error_title).split())[:TITLE_LIMIT]
        values["error_detail"] = storable(self.error_detail)[-DETAIL_LIMIT:]
        return values

    def stored(self) -> dict[str, Any]:
        """Return all that `from_stored()` needs to make this outcome anew, as JSON."""
        return self.fields() | {"is_final": self.is_final}

    @classmethod
    def from_stored(cls, values: dict[str, Any]) -> Self:
        """Return the outcome that was stored; what another release stored beside them is left out."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})


def reported(message: dict[str, Any]) -> Outcome:
    """Return the outcome that the command process reported."""
    if message["returned"]:
        return Outcome(Status.SUCCESSFUL, result=message["result"])
    return Outcome(
        Status.FAILED,
        error_type=message["type"],
        error_class=message["class"],
        error_title=message["title"],
        error_detail=message["detail"],
        result=message["result"],
        is_final=message["is_final"],
    )


def of_command(
    wait_status: int,
    message: dict[str, Any] | None,
    *,
    stop: Outcome | None,
    log_tail: str,
    ran_out_of_memory: bool = False,
) -> Outcome:
    """Return the outcome of a command process from its wait status (wait(2)) and from what it reported.

    stop: why the monitor itself ended the command, if it did; it is the outcome unless the command had
    already returned normally. ran_out_of_memory: the kernel has killed for that while the command ran.
    """
    code, number = split_wait_status(wait_status)
    if message is not None and message["returned"] and code == 0:
        outcome = reported(message)
    elif stop is not None:
        outcome = stop
    elif number == signal.SIGKILL and ran_out_of_memory:
        outcome = out_of_memory(log_tail)
    elif number is not None:
        outcome = _failed("killed-by-signal", written(words.KILLED, signal=signal_words(number)), log_tail)
    elif message is not None and not message["returned"]:
        outcome = reported(message)
    elif message is not None:
        outcome = _failed("exited", written(words.RETURNED_BUT_EXITED, code=code), log_tail)
    elif code == 0:
        outcome = _failed("exited-without-reporting", written(words.EXITED_WITHOUT_REPORTING), log_tail)
    else:
        outcome = _failed("exited", written(words.EXITED_WITH_CODE, code=code), log_tail)
    return replace(outcome, exit_code=code, exit_signal=number)


def split_wait_status(wait_status: int) -> tuple[int | None, int | None]:
    """Return the exit code or the signal's number of a wait status; the other is None."""
    code = os.waitstatus_to_exitcode(wait_status)
    return (code, None) if code >= 0 else (None, -code)


def not_adopted(return_code: int | None, log_tail: str) -> Outcome:
    """Return the outcome of a process that ended before its monitor owned the row.

    return_code: as `subprocess` gives it, negative for a signal; None when nobody could collect it.
    """
    if return_code is None:
        return _failed("exited-at-start", written(words.ENDED_AT_START), log_tail)
    if return_code < 0:
        title = written(words.KILLED_AT_START, signal=signal_words(-return_code))
        return replace(_failed("exited-at-start", title, log_tail), exit_signal=-return_code)
    title = written(words.EXITED_AT_START, code=return_code)
    return replace(_failed("exited-at-start", title, log_tail), exit_code=return_code)


def not_spawned(reason: str) -> Outcome:
    return _failed("not-spawned", written(words.NOT_SPAWNED, reason=reason), "")


def start_timed_out(seconds: float, log_tail: str) -> Outcome:
    title = written(words.START_TIMED_OUT, seconds=f"{seconds:g}")
    return _failed("start-timed-out", title, log_tail)


def claimed_in_vain(times: int) -> Outcome:
    return _failed("not-spawned", written(words.CLAIMED_IN_VAIN, times=times), "")


def lost(return_code: int | None, log_tail: str) -> Outcome:
    """Return the outcome of a task whose monitor is gone.

    return_code: the monitor's, where its parent could collect it.
    """
    if return_code is not None and return_code < 0:
        title = written(words.MONITOR_KILLED, signal=signal_words(-return_code))
    elif return_code is not None:
        title = written(words.MONITOR_EXITED, code=return_code)
    else:
        title = written(words.MONITOR_GONE)
    return Outcome(Status.LOST, error_type="lost", error_title=title, error_detail=log_tail)


def not_watched(error: Exception) -> Outcome:
    """Return the outcome of a command that its monitor ended because it could not go on itself."""
    # Final, as nobody has looked whether all of it is gone.
    return replace(_failed("not-watched", written(words.NOT_WATCHED, reason=error), ""), is_final=True)


def silent(host: str, seconds: float) -> Outcome:
    """Return the outcome of a task on another host whose heartbeat stood still."""
    title = written(words.SILENT, host=host.split("/")[0], seconds=f"{seconds:g}")
    return Outcome(Status.LOST, error_type="lost", error_title=title)


def silent_at_start(host: str, seconds: float) -> Outcome:
    """Return the outcome of a task that another host was to start: from now on it cannot any more."""
    title = written(words.SILENT_AT_START, host=host.split("/")[0], seconds=f"{seconds:g}")
    return _failed("start-timed-out", title, "")


def cancelled() -> Outcome:
    return Outcome(Status.CANCELLED)


def shut_down(number: int) -> Outcome:
    """Return the outcome of a command that was stopped because its monitor was told to end."""
    title = written(words.SHUT_DOWN, signal=signal_words(number))
    return Outcome(Status.FAILED, error_type="shut-down", error_title=title)


def timed_out(seconds: float) -> Outcome:
    return _failed("timed-out", written(words.TIMED_OUT, seconds=f"{seconds:g}"), "")


def memory_exceeded(limit: int) -> Outcome:
    """Return the outcome of a command that its monitor ended as it used more than so many bytes."""
    return _failed("memory-limit", written(words.MEMORY_LIMIT, size=size_words(limit)), "")


def out_of_memory(log_tail: str) -> Outcome:
    """Return the outcome of a command that the kernel killed, as far as anybody can know."""
    title = written(words.OUT_OF_MEMORY, signal=signal_words(signal.SIGKILL))
    return _failed("out-of-memory", title, log_tail)


def size_words(size: int) -> str:
    """Write a number of bytes in decimal units: "512 MB", "1.5 GB"."""
    number, unit = float(size), "bytes"
    for larger in ("KB", "MB", "GB", "TB"):
        if number < THOUSAND:
            break
        number, unit = number / THOUSAND, larger
    return f"{number:.4g} {unit}"


def signal_words(number: int) -> str:
    return f"signal {number} ({signal_name(number)})"


def _failed(kind: str, title: str, detail: str) -> Outcome:
    return Outcome(Status.FAILED, error_type=kind, error_title=title, error_detail=detail)
