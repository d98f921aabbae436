"""Mails about failures: to whom, what they say, once per task, and that no mail server can hurt the runner."""

from __future__ import annotations

import io
import os
import signal
import socket
import threading
from datetime import timedelta

import pytest
from aiosmtpd.controller import Controller
from django.contrib.auth.models import User
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.core.management import call_command
from django.utils import timezone, translation

from brokerless import failure_mails
from brokerless.failure_mails import Post
from brokerless.models import Host, TaskState
from brokerless.processes import host_name
from brokerless.runtime_dir import TaskFiles
from tests.at_once import at_once
from tests.eventually import eventually
from tests.system.mailbox import Mailbox

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("runtime_dir", "here")]

Status = TaskState.Status
FAILURES = [Status.FAILED, Status.LOST]


@pytest.fixture
def here(db):
    """Have this host be known."""
    Host.objects.create(name=host_name())


@pytest.fixture
def notify(settings):
    """Return the function that says who is mailed; three managers, of both kinds that Django knows."""

    def notify(*names, **entries):
        settings.MANAGERS = [("Mo", "mo@example.org"), "mia@example.org"]
        settings.BROKERLESS = settings.BROKERLESS | {"NOTIFY_FAILURES": names} | entries

    return notify


@pytest.fixture
def ann():
    return User.objects.create(username="ann", email="ann@example.org")


def ago(**keywords):
    return timezone.now() - timedelta(**keywords)


def make(status=Status.FAILED, *, log="", **values):
    usual = {"command": "probe", "host": host_name(), "status": status, "lease": 1, "error_title": "It broke."}
    usual["finished_at"] = timezone.now() if status in TaskState.FINISHED else None
    task = TaskState.objects.create(**usual | values)
    if log:
        with os.fdopen(TaskFiles(task.pk, 1).open_log(), "w", encoding="utf-8", newline="") as file:
            file.write(log)
    return task


def send():
    """Do as a process does that nobody waits for, and return the recipients of each mail."""
    before = len(mail.outbox)
    sent = Post().send(within=20)
    assert sent == len(mail.outbox) - before
    return [message.to for message in mail.outbox[before:]]


# To whom


def test_by_default_nobody_is_mailed_and_nothing_asked(ann, django_assert_num_queries):
    make(owner=ann)
    with django_assert_num_queries(0):
        assert send() == []


@pytest.mark.parametrize("status", FAILURES)
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["owner"], [["ann@example.org"]]),
        (["managers"], [["mo@example.org", "mia@example.org"]]),
        (["owner", "managers"], [["ann@example.org"], ["mo@example.org", "mia@example.org"]]),
    ],
)
def test_those_who_are_named_are_mailed_once(notify, ann, status, names, expected):
    notify(*names)
    task = make(status, owner=ann)
    assert send() == expected
    assert send() == []
    task.refresh_from_db()
    assert task.notified_at is not None


@pytest.mark.parametrize("status", sorted(set(Status) - set(FAILURES)))
def test_no_other_status_is_news(notify, ann, status):
    """A task that waits for another attempt is READY."""
    notify("owner", "managers")
    make(status, owner=ann, errors=[{"title": "It broke."}], attempt=1)
    assert send() == []


@pytest.mark.parametrize(
    "owner",
    [
        None,
        {"email": ""},
        {"email": "no address"},
        {"email": "a@example.org\nBcc: b@example.org"},
        {"is_active": False},
    ],
)
def test_what_no_owner_can_be_told_goes_to_the_managers(notify, owner):
    notify("owner")
    make(owner=owner and User.objects.create(username="bob", **{"email": "bob@example.org"} | owner))
    assert send() == [["mo@example.org", "mia@example.org"]]


def test_a_manager_who_is_the_owner_gets_one_mail(notify):
    notify("owner", "managers")
    make(owner=User.objects.create(username="mo", email="mo@example.org"))
    assert send() == [["mo@example.org"], ["mia@example.org"]]


def test_with_nobody_to_mail_that_is_logged_once(notify, settings, caplog):
    notify("owner")
    settings.MANAGERS = []
    make()
    assert send() == send() == []
    assert caplog.text.count("no address is known") == 1


@pytest.mark.parametrize(("hours", "mails"), [(23, 1), (25, 0)])
def test_what_failed_more_than_a_day_ago_is_no_news(notify, hours, mails):
    notify("managers")
    make(finished_at=ago(hours=hours))
    assert len(send()) == mails


@pytest.mark.parametrize(("seconds", "mails"), [(5, 0), (90, 1)])
def test_another_host_has_a_minute_to_send_the_mail_with_its_log(notify, seconds, mails):
    notify("managers")
    Host.objects.create(name="elsewhere/1/2")
    make(host="elsewhere/1/2", finished_at=ago(seconds=seconds), error_detail="the end of its log")
    assert len(send()) == mails
    assert all("the end of its log" in message.body for message in mail.outbox)


# What they say


def test_a_mail_says_what_failed_with_a_link_and_the_end_of_the_log(notify, ann):
    notify("owner", BASE_URL="https://books.example.org")
    lines = "".join(f"line {number}\n" for number in range(100))
    task = make(owner=ann, title="Books (eng)", log=lines, attempt=3)
    send()
    (message,) = mail.outbox
    assert message.subject == "Failed: Books (eng)"
    assert f"https://books.example.org/tasks/{task.pk}/" in message.body
    assert "It broke." in message.body
    assert "Attempts: 3" in message.body
    assert "line 99" in message.body
    assert "line 70" in message.body
    assert "line 69" not in message.body
    assert message.extra_headers == {"Auto-Submitted": "auto-generated"}


def test_the_link_is_that_of_the_request_if_the_settings_name_no_address(notify, ann):
    notify("owner", BASE_URL="")
    known = make(owner=ann, context={"base_url": "https://asked.example.org", "script_prefix": "/"})
    unknown = make(owner=ann)
    send()
    bodies = "".join(message.body for message in mail.outbox)
    assert f"https://asked.example.org/tasks/{known.pk}/" in bodies
    assert f"Task: {unknown.pk}" in bodies


def test_pages_that_the_site_does_not_have_are_not_linked_to(notify, settings):
    notify("managers")
    settings.ROOT_URLCONF = "tests.probes.urls"
    task = make()
    send()
    assert f"Task: {task.pk}\n" in mail.outbox[0].body


def test_the_owner_reads_it_in_the_language_and_the_time_of_the_request(notify, ann, monkeypatch, settings):
    notify("owner", "managers")
    active = []

    def render(name, values, real=failure_mails.render_to_string):
        active.append((translation.get_language(), timezone.get_current_timezone_name()))
        return real(name, values)

    monkeypatch.setattr(failure_mails, "render_to_string", render)
    make(owner=ann, context={"language": "de", "time_zone": "Asia/Tokyo"})
    send()
    assert active == [("de", "Asia/Tokyo")] * 2 + [("en", settings.TIME_ZONE)] * 2
    assert "JST" in mail.outbox[0].body


def test_a_title_cannot_add_a_header_and_output_no_control_characters(notify, ann):
    notify("owner", "managers")
    title = "Books\r\nBcc: evil@example.org\n\n\x1b[31mred\0\u202e" + "x" * 60
    make(
        owner=ann,
        title=title[:200],
        log="a\x1b[2Jb\rc\x00d\n<script>\n.\nQUIT\n",
        error_title="bad\x07 \x1b[1mthing",
    )
    send()
    for message in mail.outbox:
        raw = message.message().as_string()
        assert "\nBcc" not in raw
        assert message.subject.endswith("Failed: Books Bcc: evil@example.org red" + "x" * 60)
        assert "bad thing" in message.body
        assert "    cd\n    <script>\n    .\n    QUIT" in message.body
        assert "\x1b" not in message.body


def test_long_titles_and_lines_are_cut(notify):
    notify("managers")
    make(title="t" * 200, log="x" * 7000)
    send()
    (message,) = mail.outbox
    assert len(message.subject) == failure_mails.SUBJECT_LIMIT
    assert max(map(len, message.body.splitlines())) < 600


def test_a_task_without_any_output_is_mailed(notify):
    notify("managers")
    make(error_title="")
    assert len(send()) == 1
    assert "last lines" not in mail.outbox[0].body


@pytest.mark.parametrize(
    "context",
    [
        {"time_zone": "Mars/Olympus", "language": "de"},
        {"time_zone": "../etc", "base_url": "https://asked.example.org"},
        {"language": 5},
        {"script_prefix": None, "base_url": 7},
        {"base_url": "http://[half"},
        {"site": {"tenant": 1}},
        {"unknown": 1},
        ["no", "context"],
        "text",
    ],
)
def test_a_context_that_cannot_be_restored_costs_no_mail(notify, ann, context):
    notify("owner", "managers", BASE_URL="")
    task = make(owner=ann, context=context)
    assert send() == [["ann@example.org"], ["mo@example.org", "mia@example.org"]]
    assert all("It broke." in message.body and str(task.pk) in message.body for message in mail.outbox)


def test_what_the_owner_cannot_be_written_the_managers_still_are(notify, ann, monkeypatch, caplog):
    def write(task, context, *, to, sender=None, real=failure_mails._mail):
        if sender is None:
            raise RuntimeError("not for owners")
        return real(task, context, to=to, sender=sender)

    monkeypatch.setattr(failure_mails, "_mail", write)
    notify("owner", "managers")
    make(owner=ann)
    assert send() == [["mo@example.org", "mia@example.org"]]
    assert "not for owners" in caplog.text


@pytest.mark.parametrize("broken", ["{{ title|nonsense }}", "{% endif %}", "{% include 'nowhere.txt' %}"])
def test_a_site_s_broken_template_gives_way_to_ours(notify, ann, settings, tmp_path, caplog, broken):
    (tmp_path / "brokerless" / "mail").mkdir(parents=True)
    body = tmp_path / "brokerless" / "mail" / "failure_body.txt"
    settings.TEMPLATES = [settings.TEMPLATES[0] | {"DIRS": [tmp_path]}]
    notify("owner", BASE_URL="https://books.example.org")

    body.write_text("Ours: {{ title }}")
    make(owner=ann, title="Books")
    send()
    assert mail.outbox[-1].body == "Ours: Books"
    assert "cannot be rendered" not in caplog.text

    body.write_text(broken)
    settings.TEMPLATES = [settings.TEMPLATES[0] | {"DIRS": [str(tmp_path)]}]  # forget what was loaded
    task = make(owner=ann, title="Books & <more>", log="the last line\n")
    assert send() == [["ann@example.org"]]
    assert mail.outbox[-1].body.startswith("Books & <more> failed.\n\nIt broke.")
    assert f"https://books.example.org/tasks/{task.pk}/" in mail.outbox[-1].body
    assert "the last line" in mail.outbox[-1].body
    assert "failure_body.txt cannot be rendered" in caplog.text


# Once, whatever happens


def test_of_many_processes_one_sends_each_mail(notify, each_database):
    Host.objects.get_or_create(name=host_name())
    notify("managers")
    for _ in range(8):
        make()
    assert sum(at_once(5, lambda _: Post().send(within=20))) == 8
    assert len(mail.outbox) == 8


def use_backend(settings, backend):
    settings.EMAIL_BACKEND = f"{backend.__module__}.{backend.__qualname__}"


class Refusing(BaseEmailBackend):
    error: Exception = RuntimeError()
    asked = 0

    def send_messages(self, messages):
        type(self).asked += 1
        raise self.error


class Hanging(BaseEmailBackend):
    go_on = threading.Event()

    def send_messages(self, messages):
        self.go_on.wait(20)
        return 1


@pytest.mark.parametrize(
    "error", [RuntimeError("no such key"), TimeoutError(), ConnectionResetError(104, "reset")]
)
def test_a_mail_that_was_refused_is_logged_and_not_sent_again(notify, settings, caplog, error):
    notify("managers")
    use_backend(settings, Refusing)
    Refusing.error, Refusing.asked = error, 0
    make(finished_at=ago(minutes=2))
    make()
    assert send() == send() == []
    assert Refusing.asked == 2
    assert caplog.text.count("was not sent: ") == 2
    assert not failure_mails.untold().exists()


def test_no_address_is_logged(notify, settings, caplog, ann):
    """What a monitor logs is part of the log of its own task, whose owner may be somebody else."""
    notify("owner")
    use_backend(settings, Refusing)
    Refusing.error = RuntimeError("550 ann@example.org is unknown")
    make(owner=ann)
    send()
    assert "550 … is unknown" in caplog.text
    assert "ann@" not in caplog.text


def test_a_server_that_cannot_be_reached_is_tried_again_later(notify, settings, monkeypatch):
    notify("managers")
    use_backend(settings, Refusing)
    Refusing.error, Refusing.asked = ConnectionRefusedError(111, "Connection refused"), 0
    make()
    make()
    post = Post()
    assert post.send(within=20) == 0
    assert failure_mails.untold().count() == 2
    assert post.send(within=20) == 0
    assert Refusing.asked == 1  # no second try at once

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    monkeypatch.setattr(post, "_not_before", 0.0)
    assert post.send(within=20) == 2


def test_a_server_that_hangs_holds_nobody_up_and_costs_one_mail(notify, settings, caplog):
    notify("managers")
    use_backend(settings, Hanging)
    Hanging.go_on.clear()
    make(finished_at=ago(minutes=2))
    make()
    post = Post()
    assert post.send(within=0.05) == 0
    assert post.send(within=0) == 0
    assert "is not sent after 0.05 s" in caplog.text
    assert failure_mails.untold().count() == 1
    Hanging.go_on.set()
    eventually(lambda: post.send(within=0.1) == 2)


def test_a_process_that_is_to_end_finishes_a_mail_and_begins_no_other(notify, settings):
    notify("managers")
    use_backend(settings, Hanging)
    Hanging.go_on.clear()
    make()
    make()
    post = Post()
    post.send(within=0)
    eventually(lambda: failure_mails.untold().count() == 1)
    post.close(within=0)
    Hanging.go_on.set()
    post.close(within=20)
    assert failure_mails.untold().count() == 1


def test_an_error_of_the_database_is_logged(notify, monkeypatch, caplog):
    notify("managers")
    make()

    def refuse():
        raise RuntimeError("away")

    monkeypatch.setattr(failure_mails, "untold", refuse)
    assert failure_mails.send_failure_mails(within=1) == 0
    assert "were not sent" in caplog.text


# Over a socket


class NobodyThere(Mailbox):
    """Knows none of the recipients, and says who they are."""

    async def handle_RCPT(self, _server, _session, _envelope, address, _options):  # noqa: N802
        return f"550 no {address} here"


@pytest.fixture
def smtp(settings):
    """Return the function that starts an SMTP server to which mail goes from then on."""
    servers = []

    def start(mailbox):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        servers.append(Controller(mailbox, hostname="127.0.0.1", port=port))
        servers[-1].start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        return mailbox

    yield start
    for server in servers:
        server.stop()


def test_an_smtp_server_gets_one_mail_for_the_owner_and_one_for_the_managers(notify, ann, smtp, settings):
    notify("owner", "managers")
    settings.EMAIL_SUBJECT_PREFIX, settings.SERVER_EMAIL = "[Books] ", "server@example.org"
    mailbox = smtp(Mailbox())
    make(owner=ann, title="Übersicht\r\nBcc: evil@example.org", log="one\r\n.\r\nQUIT\r\nüber\n" + "x" * 5000)
    assert Post().send(within=20) == 2
    assert mailbox.recipients == [["ann@example.org"], ["mo@example.org", "mia@example.org"]]
    to_ann, to_managers = mailbox.mails
    assert to_ann["Subject"] == "Failed: Übersicht Bcc: evil@example.org"
    assert to_managers["Subject"].strip() == "[Books] Failed: Übersicht Bcc: evil@example.org"
    assert (to_ann["From"], to_managers["From"]) == ("library@localhost", "server@example.org")
    assert to_ann["Bcc"] is None
    assert to_ann["Auto-Submitted"] == "auto-generated"
    assert "    .\n    QUIT\n    über\n" in to_ann.get_content().replace("\r\n", "\n")


def test_an_smtp_server_that_refuses_is_quoted_without_the_address(notify, ann, smtp, caplog):
    notify("owner")
    smtp(NobodyThere())
    make(owner=ann)
    assert Post().send(within=20) == 0
    assert "550" in caplog.text
    assert "ann@example.org" not in caplog.text
    assert not failure_mails.untold().exists()


# By whom


def test_a_tick_sends_them_and_says_so(notify, settings):
    settings.BROKERLESS = settings.BROKERLESS | {"PURGE_AFTER": None}
    notify("managers")
    make()
    make()
    printed = io.StringIO()
    call_command("tasks", "tick", stdout=printed)
    assert printed.getvalue() == "2 mails sent.\n"
    assert len(mail.outbox) == 2


def test_a_look_from_a_page_sends_none(notify, monkeypatch):
    from brokerless import tick

    monkeypatch.setattr(tick, "dispatch_for_poll", lambda: 0)
    notify("managers")
    task = make(Status.RUNNING, monitor_pid=2**22 - 1, monitor_start=1)
    assert tick.look_after(task).status == Status.LOST
    assert mail.outbox == []
    assert send() == [["mo@example.org", "mia@example.org"]]


def mails_in(directory):
    """Return the mails that the processes of a test have written into files, once they are whole."""
    found = [path.read_text() for path in directory.glob("*")] if directory.exists() else []
    return [text for text in found if text.endswith(f"{'-' * 79}\n")]


def test_a_monitor_sends_the_mail_about_its_own_task_before_it_exits(processes, ann):
    processes.configure(NOTIFY_FAILURES=["owner"])
    task = processes.launch("raise_value_error", owner=ann)
    assert processes.await_end(task, look=False).status == Status.FAILED
    (text,) = eventually(lambda: mails_in(processes.directory / "mail"), why="a mail is sent")
    assert "To: ann@example.org" in text
    assert str(task.pk) in text
    assert "Traceback" in text


def test_the_attempts_before_the_last_are_not_mailed(processes, ann):
    processes.configure(NOTIFY_FAILURES=["owner"], RETRY_PAUSE=0.01)
    task = processes.launch("raise_value_error", owner=ann, max_attempts=2)
    assert processes.await_end(task).status == Status.FAILED
    (text,) = eventually(lambda: mails_in(processes.directory / "mail"), why="a mail is sent")
    assert "Attempts: 2" in text


def test_a_server_that_hangs_does_not_keep_the_next_task_from_being_started(processes, ann, monkeypatch):
    """It takes the connection and never says a word."""
    processes.configure(NOTIFY_FAILURES=["owner"], MAX_PROCESSES=1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("EMAIL_URL", f"smtp://127.0.0.1:{server.getsockname()[1]}")
        failing = processes.launch("raise_value_error", owner=ann)
        following = processes.launch("succeed")
        assert processes.await_end(following, look=False).status == Status.SUCCESSFUL
        server.settimeout(20)
        with server.accept()[0]:
            monitor = processes.read(failing).monitor_pid
            assert processes.is_alive(monitor)
            processes.kill(monitor, signal.SIGTERM)
            eventually(lambda: not processes.is_alive(monitor), why="a signal ends the monitor")
    assert processes.read(failing).status == Status.FAILED
    assert processes.read(failing).notified_at is not None
