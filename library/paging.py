"""A list shown a page at a time, without counting its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet
    from django.http import HttpRequest

PAGE_SIZE = 25

Row = TypeVar("Row", bound="Model")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows of a list, and whether there are more before and behind them."""

    rows: list[Row]
    number: int
    has_next: bool

    @property
    def previous(self) -> int:
        return self.number - 1

    @property
    def next(self) -> int:
        return self.number + 1


def page_of(found: QuerySet[Row], request: HttpRequest) -> Page[Row]:
    """Return the page that the request asks for, the first one if it asks for none."""
    number = _page_number(request)
    start = (number - 1) * PAGE_SIZE
    # One more than is shown tells whether there is a next page; a count would read every row.
    rows = list(found[start : start + PAGE_SIZE + 1])
    return Page(rows=rows[:PAGE_SIZE], number=number, has_next=len(rows) > PAGE_SIZE)


def _page_number(request: HttpRequest) -> int:
    """Return the page asked for; the first one for what is no page."""
    text = request.GET.get("page", "")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else 1
