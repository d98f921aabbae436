"""What a monitor and its command process share: messages, numbers of progress, and the pipe of the output."""

from __future__ import annotations

import json
import logging
import mmap
import os
import socket
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self
from weakref import WeakSet

from brokerless.exceptions import LeaseLost

logger = logging.getLogger("brokerless")

RECEIVE_SIZE = 65_536
# How often one call reads: more than a socket holds at once, and a command that never stops talking is
# no reason to look at nothing else.
RECEIVES_LIMIT = 64
# In the shared memory, each a signed 64-bit number: written by the command, read by the monitor.
CURRENT, TOTAL, STAGE = 0, 1, 2
NUMBERS_SIZE = 3 * 8
UNKNOWN = -1


class Channel:
    """One end of a two-way stream of JSON messages, one a line."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._received = b""

    def send(self, message: dict[str, Any]) -> None:
        """Send a message. Raises OSError when the other end is gone."""
        self.socket.sendall(json.dumps(message).encode() + b"\n")

    def receive(self, *, timeout: float | None = None) -> dict[str, Any] | None:
        """Wait for one message; None when the other end is gone. Raises TimeoutError after `timeout` seconds."""
        self.socket.settimeout(timeout)
        try:
            while b"\n" not in self._received:
                chunk = self.socket.recv(RECEIVE_SIZE)
                if not chunk:
                    return None
                self._received += chunk
        except ConnectionError:
            return None
        finally:
            self.socket.settimeout(None)
        line, self._received = self._received.split(b"\n", 1)
        return json.loads(line)

    def receive_available(self) -> tuple[list[dict[str, Any]], bool]:
        """Return the messages that have arrived, and whether the other end is still there."""
        chunks = []
        with suppress(BlockingIOError):
            while len(chunks) < RECEIVES_LIMIT and b"" not in chunks[-1:]:
                chunks.append(self._receive_now())
        *lines, self._received = b"".join([self._received, *chunks]).split(b"\n")
        return [message for line in lines if (message := _message(line))], b"" not in chunks[-1:]

    def _receive_now(self) -> bytes:
        try:
            return self.socket.recv(RECEIVE_SIZE, socket.MSG_DONTWAIT)
        except ConnectionError:
            return b""

    def close(self) -> None:
        self.socket.close()


def _message(line: bytes) -> dict[str, Any] | None:
    """Return the message of a line; None for what a command wrote there by mistake, or cut short."""
    with suppress(ValueError):
        message = json.loads(line)
        if isinstance(message, dict) and "kind" in message:
            return message
    logger.warning("A message of the command could not be read: %.80r", line)
    return None


@dataclass
class Link:
    """Both ends of everything that monitor and command process share, as file descriptors to be inherited."""

    monitor_socket: socket.socket
    command_socket: socket.socket
    numbers_fd: int
    output_read_fd: int
    output_write_fd: int

    @classmethod
    def create(cls) -> Self:
        """Create the sockets, the shared numbers and the pipe."""
        monitor_socket, command_socket = socket.socketpair()
        output_read_fd, output_write_fd = os.pipe()
        return cls(monitor_socket, command_socket, _create_shared_memory(), output_read_fd, output_write_fd)

    def numbers(self) -> memoryview:
        """Map the shared numbers; assigning to one is a single store that both processes see at once."""
        return _map_numbers(self.numbers_fd)

    def command_descriptors(self) -> list[int]:
        """Return what a command process that is started by exec inherits; see `inherited_command_end()`."""
        return [self.command_socket.fileno(), self.numbers_fd, self.output_write_fd]

    @staticmethod
    def inherited_command_end(descriptors: list[int]) -> tuple[Channel, memoryview]:
        """Return the command's end and the numbers, made of inherited file descriptors."""
        socket_fd, numbers_fd, output_write_fd = descriptors
        redirect_output(output_write_fd)
        return Channel(socket.socket(fileno=socket_fd)), _map_numbers(numbers_fd)

    def keep_monitor_end(self) -> Channel:
        self.command_socket.close()
        os.close(self.output_write_fd)
        return Channel(self.monitor_socket)

    def keep_command_end(self) -> Channel:
        """Close the monitor's end and make the pipe this process's standard output and error."""
        self.monitor_socket.close()
        os.close(self.output_read_fd)
        redirect_output(self.output_write_fd)
        return Channel(self.command_socket)

    def keep_command_end_beside_output(self) -> tuple[Channel, int]:
        """Close the monitor's end, leave standard output and error as they are, and return the pipe, too."""
        self.monitor_socket.close()
        os.close(self.output_read_fd)
        return Channel(self.command_socket), self.output_write_fd


def _create_shared_memory() -> int:
    """Create memory that has no name, so that nothing is left behind, and return its file descriptor.

    Not a file where it can be avoided: on a full disk the first number written to it is a bus error.
    """
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("brokerless")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.truncate(descriptor, NUMBERS_SIZE)
    return descriptor


def _map_numbers(descriptor: int) -> memoryview:
    return memoryview(mmap.mmap(descriptor, NUMBERS_SIZE)).cast("q")


def redirect_output(descriptor: int) -> None:
    """Make an open pipe this process's standard output and standard error."""
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


class CommandEnd:
    """The command's end: what it tells and asks the monitor."""

    _all: WeakSet[CommandEnd] = WeakSet()

    RENEWAL_TIMEOUT = 30  # seconds; a database that is away this long may have given the task to another host

    def __init__(self, channel: Channel, numbers: memoryview) -> None:
        self._channel = channel
        self.numbers = numbers
        self.make_lock()
        self._renewals = 0
        CommandEnd._all.add(self)

    @classmethod
    def after_fork(cls) -> None:
        """Make the locks of a fork anew: one may be held by a thread that its process does not have."""
        for end in cls._all:
            end.make_lock()

    def make_lock(self) -> None:
        """Have a lock that nobody holds."""
        self._lock = threading.RLock()  # re-entrant: a signal may raise in the middle of a message

    def tell(self, kind: str, **values: Any) -> None:
        """Send a message to the monitor; a monitor that is gone ends this process soon (PDEATHSIG)."""
        with suppress(OSError), self._lock:
            self._channel.send({"kind": kind, **values})

    def renew_lease(self) -> None:
        """Have the monitor renew the lease, and wait for it. Raises LeaseLost when it could not."""
        with self._lock:
            self._renewals += 1
            self.tell("renew", renewal=self._renewals)
            is_renewed = self._is_renewed()
        if is_renewed is None:
            raise LeaseLost(
                f"The lease was not renewed within {self.RENEWAL_TIMEOUT} s, as the database did not answer: the "
                "task may be somebody else's by now, and this process has no further effect."
            )
        if not is_renewed:
            raise LeaseLost("The task is no longer this process's: it has no further effect.")

    def _is_renewed(self) -> bool | None:
        """Wait for the answer to the newest renewal; None without one.

        One to an earlier renewal, which was given up, says nothing.
        """
        try:
            while answer := self._channel.receive(timeout=self.RENEWAL_TIMEOUT):
                if answer["renewal"] == self._renewals:
                    return answer["renewed"]
        except OSError:  # no answer in time, or a command that closed every file descriptor
            pass
        return None


os.register_at_fork(after_in_child=CommandEnd.after_fork)
