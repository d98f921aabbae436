"""The statistics of authors: the database computes them, batch by batch, and keeps them in a table."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from django.db import connection, reset_queries
from django.db.models import Count, F, Max, Min, Q, Sum
from django.utils import timezone

from brokerless import track
from library.models import Author, AuthorStatistics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

# Authors in one transaction, in which SQLite lets nobody else write.
BATCH_SIZE = 250
HUNDREDTH = Decimal("0.01")
COMPUTED_FIELDS = (
    "books_count",
    "ratings_count",
    "average_rating",
    "first_year",
    "last_year",
    "computed_at",
)


def recompute_statistics(author_id: int | None = None) -> dict[str, int]:
    """Recompute the statistics of one author, or of all, and return how many "authors" and "books" there were.

    Each batch is stored by itself, and a second run gives the same. Raises IntegrityError when an author is
    deleted between the computing and the storing of a batch; a further run does without that author.
    """
    authors = Author.objects.all() if author_id is None else Author.objects.filter(pk=author_id)
    unit = Author._meta.verbose_name_plural  # noqa: SLF001 - Django's documented interface
    counts = {"authors": 0, "books": 0}
    for keys in track(_batches_of_keys(authors), total=authors.count(), unit=unit, size=len):
        batch = _computed(keys)
        _store(batch)
        counts["authors"] += len(batch)
        counts["books"] += sum(statistics.books_count for statistics in batch)
        reset_queries()  # under DEBUG Django keeps the statements, with all their values
    return counts


def _batches_of_keys(authors: QuerySet[Author]) -> Iterator[list[int]]:
    """Yield the keys in batches, each from a query of its own.

    A single query read bit by bit would hold SQLite's snapshot, in which nothing can be written once somebody
    else has.
    """
    keys_in_order = authors.order_by("pk").values_list("pk", flat=True)
    keys = list(keys_in_order[:BATCH_SIZE])
    while keys:
        yield keys
        keys = list(keys_in_order.filter(pk__gt=keys[-1])[:BATCH_SIZE])


def _computed(keys: list[int]) -> list[AuthorStatistics]:
    """Return the statistics of these authors as they are now, those without books among them."""
    now = timezone.now()
    sums = Author.objects.filter(pk__in=keys).order_by("pk").values("pk")
    sums = sums.annotate(
        books_count=Count("books"),
        ratings_count=Sum("books__ratings_count", default=0),
        stars=Sum(F("books__average_rating") * F("books__ratings_count")),
        ratings_with_stars=Sum("books__ratings_count", filter=Q(books__average_rating__isnull=False)),
        first_year=Min("books__published_year"),
        last_year=Max("books__published_year"),
    )
    return [_statistics(**row, computed_at=now) for row in sums]


def _statistics(
    *, pk: int, stars: Decimal | None, ratings_with_stars: int | None, **computed: Any
) -> AuthorStatistics:
    # Divided here, as databases do not round alike.
    average = (stars / ratings_with_stars).quantize(HUNDREDTH, ROUND_HALF_UP) if ratings_with_stars else None
    return AuthorStatistics(author_id=pk, average_rating=average, **computed)


def _store(batch: list[AuthorStatistics]) -> None:
    """Insert the statistics, or update them where there are some, in one transaction."""
    # MariaDB and MySQL take any unique key of the table, and refuse to be told which.
    takes_names = connection.features.supports_update_conflicts_with_target
    AuthorStatistics.objects.bulk_create(
        batch,
        update_conflicts=True,
        unique_fields=["author"] if takes_names else None,
        update_fields=COMPUTED_FIELDS,
    )
