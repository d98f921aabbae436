"""Messages and numbers between monitor and command process."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from brokerless.channel import CURRENT, STAGE, TOTAL, Channel, CommandEnd, Link
from brokerless.exceptions import LeaseLost
from tests.eventually import eventually


@pytest.fixture
def link():
    made = Link.create()
    yield made
    made.monitor_socket.close()
    made.command_socket.close()
    for descriptor in (made.numbers_fd, made.output_read_fd, made.output_write_fd):
        os.close(descriptor)


@pytest.fixture
def ends(link):
    """Return the monitor's channel and the command's, both open in this process."""
    return Channel(link.monitor_socket), Channel(link.command_socket)


def test_messages_arrive_in_order_and_whole(ends):
    monitor, command = ends
    for number in range(3):
        command.send({"kind": "n", "number": number, "text": "ähm\n"})
    messages, is_open = monitor.receive_available()
    assert [message["number"] for message in messages] == [0, 1, 2]
    assert messages[0]["text"] == "ähm\n"
    assert is_open


def test_nothing_has_arrived_yet(ends):
    assert ends[0].receive_available() == ([], True)


def test_a_message_in_two_parts_is_read_once_it_is_complete(ends):
    monitor, command = ends
    command.socket.sendall(b'{"kind": "pro')
    assert monitor.receive_available() == ([], True)
    command.socket.sendall(b'gress"}\n')
    assert monitor.receive_available() == ([{"kind": "progress"}], True)


def test_what_is_no_message_is_left_out_and_the_others_are_read(ends, caplog):
    monitor, command = ends
    command.socket.sendall(b'garbage\n\xff\xfe\n[1]\n{"no": "kind"}\n{"kind": "good"}\n')
    assert monitor.receive_available() == ([{"kind": "good"}], True)
    assert len(caplog.records) == 4


def test_what_was_sent_before_the_end_is_read_with_it(ends):
    monitor, command = ends
    command.send({"kind": "last"})
    command.close()
    assert monitor.receive_available() == ([{"kind": "last"}], False)
    assert monitor.receive_available() == ([], False)


def test_a_large_message_arrives_while_it_is_being_sent(ends):
    monitor, command = ends
    sender = threading.Thread(target=command.send, args=({"kind": "large", "text": "x" * 5_000_000},))
    sender.start()
    (message,) = eventually(lambda: monitor.receive_available()[0])
    sender.join()
    assert len(message["text"]) == 5_000_000


def test_waiting_for_a_message_ends_with_the_other_end_or_in_time(ends):
    monitor, command = ends
    with pytest.raises(TimeoutError):
        command.receive(timeout=0.01)
    monitor.close()
    assert command.receive(timeout=5) is None


def test_numbers_are_seen_by_both_sides(link):
    mine, yours = link.numbers(), link.numbers()
    mine[CURRENT], mine[TOTAL], mine[STAGE] = 2**62, -1, 1
    assert list(yours) == [2**62, -1, 1]


def test_telling_a_monitor_that_is_gone_is_no_error(ends, link):
    monitor, command = ends
    monitor.close()
    CommandEnd(command, link.numbers()).tell("progress", unit="books", message="")


def answer(monitor, *answers):
    for renewal, renewed in answers:
        monitor.send({"renewal": renewal, "renewed": renewed})


def test_a_lease_is_renewed_when_the_monitor_says_so(ends, link):
    monitor, command = ends
    answer(monitor, (1, True))
    CommandEnd(command, link.numbers()).renew_lease()
    assert monitor.receive_available()[0] == [{"kind": "renew", "renewal": 1}]


def test_a_lease_that_was_not_renewed_is_an_error(ends, link):
    monitor, command = ends
    answer(monitor, (1, False))
    with pytest.raises(LeaseLost, match="no longer this process's"):
        CommandEnd(command, link.numbers()).renew_lease()


def test_a_monitor_that_is_gone_renews_nothing(ends, link):
    monitor, command = ends
    monitor.close()
    with pytest.raises(LeaseLost):
        CommandEnd(command, link.numbers()).renew_lease()


def test_a_late_answer_does_not_count_for_the_next_renewal(ends, link, monkeypatch):
    monitor, command = ends
    monkeypatch.setattr(CommandEnd, "RENEWAL_TIMEOUT", 0.01)
    end = CommandEnd(command, link.numbers())
    with pytest.raises(LeaseLost):
        end.renew_lease()
    answer(monitor, (1, True))
    with pytest.raises(LeaseLost):
        end.renew_lease()
    answer(monitor, (2, True), (3, True))
    end.renew_lease()


@pytest.mark.filterwarnings("ignore:.*fork")
def test_a_fork_does_not_wait_for_a_lock_that_a_thread_of_its_parent_holds(ends, link):
    monitor, command = ends
    end = CommandEnd(command, link.numbers())
    is_held, go_on = threading.Event(), threading.Event()

    def hold():
        with end._lock:
            is_held.set()
            go_on.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    assert is_held.wait(20)
    pid = os.fork()
    if not pid:
        try:
            end.tell("notice", text="from a fork")
        finally:
            os._exit(0)
    try:
        assert monitor.receive(timeout=5) == {"kind": "notice", "text": "from a fork"}
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        go_on.set()
        thread.join()
