"""Writers and books that could exist, made up from the vocabulary; nothing here touches the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from library.isbn import BOOKLAND, with_check_digit
from library.vocabulary import ODD_TITLES, VOCABULARIES, Vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

MIDDLE_INITIALS = ("", *(f" {letter}." for letter in "ABCEFJKLMRSTW"))
NEWEST_YEAR = 2024
MEAN_AGE = 28  # years since publication, of books AD
OLDEST_BC = 800
MOST_RATINGS = 5_000_000
RATINGS = [Decimal(hundredths).scaleb(-2) for hundredths in range(501)]
# Books arrive once in a week, in ten years that are long past: a seed repeats the moments too.
ARRIVALS = [
    datetime(2015, 1, 1, tzinfo=UTC) + timedelta(days=7 * week, hours=8 + week % 10, seconds=37 * week)
    for week in range(520)
]

Item = TypeVar("Item")


class Writer(NamedTuple):
    """A name, and the words that its books are made of."""

    name: str
    vocabulary: Vocabulary


class InventedBook(NamedTuple):
    """The values of a new book, under the names of the columns of `Book`."""

    title: str
    author_id: int
    contributors: str
    isbn13: str
    published_year: int | None
    language: str
    average_rating: Decimal | None
    ratings_count: int
    available: bool
    added_at: datetime


def invent_writers(count: int, *, random: Random) -> list[Writer]:
    """Return up to `count` writers, no two of one name, in mixed languages."""
    writers = [
        Writer(name, vocabulary)
        for vocabulary in VOCABULARIES
        for name in _names(vocabulary, count=1 + count * vocabulary.share // 100, random=random)
    ]
    random.shuffle(writers)
    return writers[:count]


def invent_book(writers: Sequence[Writer], *, author_ids: Sequence[int], random: Random) -> InventedBook:
    """Return a book by one of the writers, whose keys as authors stand in the same order."""
    # Squared, so that a few write much and many little.
    index = int(len(writers) * random.random() ** 2)
    vocabulary = writers[index].vocabulary
    rating = _rating(random)
    return InventedBook(
        title=_title(vocabulary, random),
        author_id=author_ids[index],
        contributors=_contributors(writers, random),
        isbn13=_isbn13(random),
        published_year=_year(random),
        language=_pick(vocabulary.codes, random) if random.random() < 0.9 else "",
        average_rating=rating,
        ratings_count=0 if rating is None else _ratings_count(random),
        available=random.random() < 0.9,
        added_at=_pick(ARRIVALS, random),
    )


def _names(vocabulary: Vocabulary, *, count: int, random: Random) -> list[str]:
    """Return up to `count` different full names, chosen among all that the vocabulary can make."""
    given_names, family_names = vocabulary.given_names, vocabulary.family_names
    initials = MIDDLE_INITIALS if vocabulary.has_initials else ("",)
    possible = len(given_names) * len(family_names) * len(initials)
    names = []
    for number in random.sample(range(possible), min(count, possible)):
        rest, family = divmod(number, len(family_names))
        initial, given = divmod(rest, len(given_names))
        names.append(
            vocabulary.full_name.format(given=given_names[given] + initials[initial], family=family_names[family])
        )
    return names


def _title(vocabulary: Vocabulary, random: Random) -> str:
    if random.random() < 0.002:
        return _pick(ODD_TITLES, random)
    nouns = vocabulary.nouns
    noun = int(len(nouns) * random.random())
    title = _pick(vocabulary.patterns, random).format(
        adjective=_pick(vocabulary.adjectives, random),
        noun=nouns[noun],
        other=nouns[noun - 1 - int((len(nouns) - 1) * random.random())],  # any noun but the first one
        ending=_pick(vocabulary.endings, random),
    )
    title = title[0].upper() + title[1:]
    if vocabulary.series and random.random() < 0.25:
        return f"{title} ({_pick(vocabulary.series, random)}, #{1 + int(12 * random.random())})"
    return title


def _contributors(writers: Sequence[Writer], random: Random) -> str:
    if random.random() < 0.8:
        return ""
    return ", ".join(_pick(writers, random).name for _ in range(1 + int(3 * random.random())))


def _isbn13(random: Random) -> str:
    if random.random() < 0.05:
        return ""
    return with_check_digit(f"{BOOKLAND}{int(1e9 * random.random()):09}")


def _year(random: Random) -> int | None:
    chance = random.random()
    if chance < 0.005:
        return None
    if chance < 0.01:
        return -1 - int(OLDEST_BC * random.random())
    return max(1, NEWEST_YEAR - int(random.expovariate(1 / MEAN_AGE)))


def _rating(random: Random) -> Decimal | None:
    """Return a rating of 3.95 on average, two thirds of all within 0.3 of it; now and then there is none."""
    if random.random() < 0.02:
        return None
    return RATINGS[min(500, max(100, round(random.gauss(395, 30))))]


def _ratings_count(random: Random) -> int:
    """Return a count whose median is about 1,000, with a long tail."""
    return min(MOST_RATINGS, 1 + int(random.lognormvariate(7, 1.8)))


def _pick(items: Sequence[Item], random: Random) -> Item:
    return items[int(len(items) * random.random())]  # a third of the time of random.choice()
