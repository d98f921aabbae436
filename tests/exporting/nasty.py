"""A model with a field of every kind, and rows of it that are hard to write down."""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import connection, models
from hypothesis import strategies as st

from brokerless.exports.columns import Column

if TYPE_CHECKING:
    from collections.abc import Iterator

# Another zone may put the days before and after these beyond the calendar: each source refuses them in own words.
WITHIN = (dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30))  # noqa: DTZ001 - hypothesis adds the zone
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'=1", " =1", "-", "="]
FORMULAS += ["\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20SUM(A1)"]
HARD_TEXTS = [
    *FORMULAS,
    "",
    '"',
    '""',
    ",",
    ";",
    "|",
    'a "quoted" word',
    "two\nlines",
    "two\r\nlines",
    "\r",
    "\\.",
    "\\N",
    "NULL",
    "\\u0000",
    "\x01\x02\x1f\x7f",
    "\u2028\u2029\x85\ufeff",
    "emoji 📚🐍👩‍👩‍👧",
    "أَلْفُ לילה",
    "%s %% %(a)s {} {0}",
    "x" * 70_000,
]
HARD_FLOATS = [0.0, -0.0, 0.1, 1e15, 1e16, 123456789012345.6, 1234567890123456.0, 9007199254740993.0, 1e23, 5e-324]
HARD_FLOATS += [1e-5, 0.0001, 1.7976931348623157e308, 7.0916206558817184e16, float("inf"), float("-inf")]


class Nasty(models.Model):
    """Not managed: its table is there for the tests that ask for it."""

    text = models.TextField(null=True)  # noqa: DJ001 - not the same as empty, in what is exported
    name = models.CharField(max_length=100, default="")
    number = models.BigIntegerField(null=True)
    price = models.DecimalField(max_digits=9, decimal_places=2, null=True)
    whole = models.DecimalField(max_digits=12, decimal_places=0, null=True)
    ratio = models.DecimalField(max_digits=24, decimal_places=8, null=True)
    measure = models.FloatField(null=True)
    is_known = models.BooleanField(null=True)
    day = models.DateField(null=True)
    moment = models.DateTimeField(null=True)
    clock = models.TimeField(null=True)
    key = models.UUIDField(null=True)
    colour = models.CharField(max_length=10, default="", choices=[("r", "=Red, or so"), ("g", 'Green "1"')])
    size = models.IntegerField(null=True, choices=[(1, "Small"), (2, "-Large")])
    length = models.DurationField(null=True)
    facts = models.JSONField(null=True)

    class Meta:
        app_label = "probes"
        managed = False

    def __str__(self) -> str:
        return self.name


SIMPLE = ("id", "text", "name", "number", "price", "whole", "ratio", "measure", "is_known")
SIMPLE += ("day", "moment", "clock", "key", "colour", "size")
# All that a database can write itself.
COLUMNS = [
    *map(Column, SIMPLE),
    Column("text", name="text_or_dash", label="=text", null="-"),
    Column("number", name="number_or_none", null='no, "none"'),
    Column("size", name="size_or_formula", null="=NA()"),
    Column("day", name="formula_of_day", date_format="=%Y-%m", null="@"),
    Column("is_known", name="yes", booleans=("=yes", "")),
    Column("colour", name="colour_label", has_choice_labels=True),
    Column("size", name="size_label", has_choice_labels=True, null="?"),
    Column("day", name="german_day", date_format='%d.%m.%Y "%%" T{}', null="never"),
    Column("moment", name="short_moment", date_format="%Y%m%dT%H%M%S"),
    Column("clock", name="short_clock", date_format="%H:%M"),
    Column("price", name="long_price", places=4),
]
# What some database leaves to Python.
OTHER_COLUMNS = [*map(Column, ("id", "length", "facts")), Column("ratio", name="rounded", places=1)]
OTHER_COLUMNS += [Column("measure", name="measured", places=2), Column(lambda row: row.facts, name="called")]


@contextmanager
def nasty_table() -> Iterator[None]:
    with connection.schema_editor() as editor:
        editor.create_model(Nasty)
    try:
        yield
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(Nasty)


def _texts() -> st.SearchStrategy[str]:
    characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    free = st.text(characters | st.sampled_from(list("=+-@\uff1d\uff20\t\r\n\"',;|\\ ")), max_size=12)
    return st.sampled_from(HARD_TEXTS) | free


def _decimals(digits: int, places: int) -> st.SearchStrategy[Decimal]:
    most = Decimal(10**digits - 1).scaleb(-places)
    return st.decimals(-most, most, places=places)


def _fields() -> dict[str, st.SearchStrategy]:
    none = st.none()
    return {
        "text": none | _texts(),
        "name": _texts().filter(lambda text: len(text) <= 100),
        "number": none | st.integers(-(2**63), 2**63 - 1),
        "price": none | _decimals(9, 2),
        "whole": none | _decimals(12, 0),
        "ratio": none | _decimals(15, 8),
        "measure": none | st.floats(allow_nan=False) | st.sampled_from(HARD_FLOATS),
        "is_known": none | st.booleans(),
        "day": none | st.dates(),
        "moment": none | st.datetimes(*WITHIN, timezones=st.just(dt.UTC)),
        "clock": none | st.times(),
        "key": none | st.uuids(),
        "colour": st.sampled_from(["r", "g", "", "=gone"]),
        "size": none | st.sampled_from([1, 2, -3]),
        "length": none | st.timedeltas(dt.timedelta(days=-9999), dt.timedelta(days=9999)),
        "facts": none | st.recursive(none | st.booleans() | st.just("=1\n"), st.lists, max_leaves=4),
    }


def nasty_rows() -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(st.fixed_dictionaries(_fields()), min_size=1, max_size=6)
