"""An export's order leaves no ties, so that each run gives the same file."""

from __future__ import annotations

import pytest

from brokerless.exports.planning import in_total_order
from library.models import AuthorStatistics, Book


@pytest.mark.parametrize("order", [["pk"], ["-pk"], ["author_id"], ["books_count", "author_id"]])
def test_an_order_that_is_total_is_left_alone(order):
    queryset = AuthorStatistics.objects.order_by(*order)
    assert in_total_order(queryset) is queryset


@pytest.mark.parametrize(
    ("queryset", "order"),
    [
        (AuthorStatistics.objects.order_by("author"), ("author", "pk")),  # by the names of the authors
        (AuthorStatistics.objects.order_by("-author"), ("-author", "pk")),
        (AuthorStatistics.objects.order_by("books_count"), ("books_count", "pk")),
        (Book.objects.order_by("source_id"), ("source_id", "pk")),  # which several may have none of
        (Book.objects.order_by("title"), ("title", "pk")),
        (Book.objects.order_by("author__statistics"), ("author__statistics", "pk")),
    ],
)
def test_the_key_parts_the_ties_of_another(queryset, order):
    assert in_total_order(queryset).query.order_by == order
