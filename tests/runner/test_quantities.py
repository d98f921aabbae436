"""Times and sizes as people type them."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from brokerless.management.subcommands.quantities import duration, moment_ago, moment_ahead, seconds, size


@pytest.mark.parametrize(
    ("text", "found"),
    [("90s", 90), ("5m", 300), ("5min", 300), ("2h", 7200), ("1.5h", 5400), ("3d", 259_200), ("1w", 604_800)],
)
def test_a_duration_has_a_unit(text, found):
    assert duration(text) == timedelta(seconds=found)
    assert seconds(text) == found


def test_parts_of_a_duration_are_added():
    assert duration("1d2h30m") == timedelta(days=1, hours=2, minutes=30)


@pytest.mark.parametrize("text", ["", "5", "h", "2 h", "-2h", "2hours", "1.h", "٣h", f"{'9' * 400}d"])
def test_other_words_are_no_duration(text):
    with pytest.raises(ArgumentTypeError):
        duration(text)


def test_seconds_need_no_unit():
    assert (seconds("90"), seconds("0"), seconds("0.5")) == (90, 0, 0.5)


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "", "soon"])
def test_seconds_are_a_number_from_0_on(text):
    with pytest.raises(ArgumentTypeError):
        seconds(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("512", 512),
        ("512B", 512),
        ("512MB", 512_000_000),
        ("512mb", 512_000_000),
        ("1.5 GB", 1_500_000_000),
        ("2G", 2_000_000_000),
        ("512MiB", 512 * 2**20),
        ("1TiB", 2**40),
    ],
)
def test_a_size_may_have_a_unit(text, found):
    assert size(text) == found


@pytest.mark.parametrize("text", ["", "MB", "-5", "5 apples", "1e9", "5MBB"])
def test_other_words_are_no_size(text):
    with pytest.raises(ArgumentTypeError):
        size(text)


def test_a_moment_is_a_duration_away_or_a_date():
    now = timezone.now()
    assert abs(moment_ago("2h") - now + timedelta(hours=2)) < timedelta(minutes=1)
    assert abs(moment_ahead("2h") - now - timedelta(hours=2)) < timedelta(minutes=1)
    with timezone.override("Asia/Kolkata"):
        assert moment_ago("2027-01-31") == datetime(2027, 1, 30, 18, 30, tzinfo=UTC)
        assert moment_ahead("2027-01-31T18:30") == datetime(2027, 1, 31, 13, 0, tzinfo=UTC)
        assert moment_ahead("2027-01-31 18:30+00:00") == datetime(2027, 1, 31, 18, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "tomorrow", "2027-02-30", "-2h", "999999999d"])
def test_other_words_are_no_moment(text):
    for read in (moment_ago, moment_ahead):
        with pytest.raises(ArgumentTypeError):
            read(text)
