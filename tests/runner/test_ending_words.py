"""What the product says of an end, in each reader's language."""

from __future__ import annotations

import signal

import pytest
from django.utils import translation

from brokerless import ending_words, outcome, reporting
from brokerless.ending_words import told
from brokerless.exceptions import TaskCancelled
from brokerless.models import TaskState
from brokerless.representation import error, error_line

KILLED_9, EXITED_3 = 9, 3 << 8  # wait statuses; see wait(2)
RETURNED = {"returned": True, "result": None}


def of_command(wait_status, message=None, **keywords):
    return outcome.of_command(wait_status, message, **{"stop": None, "log_tail": ""} | keywords)


def raised(error):
    return outcome.reported(reporting._describe(error, is_whole=False) | {"returned": False, "result": None})


ENDS = [
    (of_command(0), "Der Befehl endete, ohne ein Ergebnis zu melden."),
    (of_command(EXITED_3), "Der Befehl endete mit dem Code 3, ohne ein Ergebnis zu melden."),
    (of_command(EXITED_3, RETURNED), "Der Befehl war fertig, endete dann aber mit dem Code 3."),
    (of_command(KILLED_9), "Der Befehl wurde durch Signal 9 (SIGKILL) beendet."),
    (of_command(40), "Der Befehl wurde durch Signal 40 (signal 40) beendet."),
    (
        of_command(KILLED_9, ran_out_of_memory=True),
        "Der Befehl wurde durch Signal 9 (SIGKILL) beendet, wahrscheinlich aus Mangel an Speicher.",
    ),
    (outcome.not_adopted(None, ""), "Der Prozess endete, bevor der Befehl begann."),
    (outcome.not_adopted(3, ""), "Der Prozess endete mit dem Code 3, bevor der Befehl begann."),
    (outcome.not_adopted(-9, ""), "Der Prozess wurde durch Signal 9 (SIGKILL) beendet, bevor der Befehl begann."),
    (outcome.not_spawned("no 100 % luck"), "Der Prozess konnte nicht gestartet werden: no 100 % luck"),
    (outcome.not_spawned(""), "Der Prozess konnte nicht gestartet werden:"),
    (outcome.claimed_in_vain(3), "Die Aufgabe wurde 3 Mal übernommen, doch ihr Prozess wurde nie gestartet."),
    (
        outcome.start_timed_out(7.5, ""),
        "Der Befehl hatte nach 7,5 s nicht begonnen; sein Prozess wurde beendet.",
    ),
    (
        outcome.lost(None, ""),
        "Der Prozess, der den Befehl überwachte, ist verschwunden; niemand weiß, wie der Befehl endete.",
    ),
    (
        outcome.lost(1, ""),
        "Der Prozess, der den Befehl überwachte, endete mit dem Code 1; niemand weiß, wie der Befehl endete.",
    ),
    (
        outcome.lost(-15, ""),
        (
            "Der Prozess, der den Befehl überwachte, wurde durch Signal 15 (SIGTERM) beendet; "
            "niemand weiß, wie der Befehl endete."
        ),
    ),
    (
        outcome.not_watched(OSError("no room")),
        "Der Befehl konnte nicht überwacht werden und wurde beendet: no room",
    ),
    (outcome.silent("web-1/4026531836", 60), "Von web-1 ist seit mehr als 60 s nichts zu hören."),
    (
        outcome.silent_at_start("web-1/4026531836", 1e6),
        "Seit mehr als 1e+06 s ist nichts von web-1 zu hören, wo die Aufgabe starten sollte.",
    ),
    (
        outcome.shut_down(signal.SIGTERM),
        (
            "Durch Signal 15 (SIGTERM) angehalten, was hier niemand verlangt hat: "
            "der Dienst wurde beendet oder neu gestartet."
        ),
    ),
    (outcome.timed_out(0.5), "Der Befehl lief länger als 0,5 s."),
    (outcome.memory_exceeded(1_500_000_000), "Der Befehl brauchte mehr als 1,5 GB Speicher."),
    (raised(SystemExit(3)), "Der Befehl endete mit dem Code 3."),
    (raised(SystemExit(-1)), "Der Befehl endete mit dem Code -1."),
    (raised(TaskCancelled()), "TaskCancelled: Der Befehl wurde durch Signal 15 (SIGTERM) beendet."),
]


def row(found):
    return TaskState(**found.fields())


@pytest.mark.parametrize(("found", "german"), ENDS, ids=str)
def test_every_end_is_told_in_the_reader_s_language_and_kept_in_english(found, german):
    task = row(found)
    english = error_line(task)
    with translation.override("de"):
        assert error_line(task) == german
        assert error(task)["title"] == task.error_title  # for programs
    assert english.endswith(task.error_title)


def test_every_sentence_is_among_these_ends():
    used = {found.error_title for found, _german in ENDS}
    for sentences in ending_words.SENTENCES.values():
        for sentence in sentences:
            assert any(ending_words._pattern(sentence).fullmatch(title) for title in used), sentence


@pytest.mark.parametrize(
    "found",
    [
        outcome.cancelled(),
        raised(ValueError("The command ran longer than 5 s.")),
        raised(SystemExit("The shop is closed.")),
        outcome.Outcome("FAILED", error_type="timed-out", error_title="As another release said it: 5 s."),
    ],
    ids=str,
)
def test_what_a_command_says_in_its_own_words_is_left_alone(found):
    with translation.override("de"):
        assert told(found.error_type, found.error_title) == found.error_title


def test_a_sentence_that_was_cut_to_what_the_row_holds_is_known_again():
    with translation.override("de"):
        line = error_line(row(outcome.not_spawned("long " * 200)))
    assert line.startswith("Der Prozess konnte nicht gestartet werden: long long")
