"""The first steps of the tutorial: an export within the request, and what that comes to with many books."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from library.models import Book

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest

HEADER = ["id", "title", "author", "published_year"]
FILE = {"Content-Type": "text/csv; charset=utf-8", "Content-Disposition": 'attachment; filename="books.csv"'}


@require_safe
@login_required
@permission_required("library.view_book", raise_exception=True)
def ways(request: HttpRequest) -> HttpResponse:
    """Show the ways to export the books, beside each other."""
    return render(request, "library/export_ways.html")


@require_safe
@login_required
@permission_required("library.view_book", raise_exception=True)
def blocking(request: HttpRequest) -> HttpResponse:
    """Write the whole file into memory, then send it."""
    response = HttpResponse(headers=FILE)
    writer = csv.writer(response)
    writer.writerow(HEADER)
    for book in Book.objects.select_related("author"):
        writer.writerow([book.pk, book.title, book.author.name, book.published_year])
    return response


class Echo:
    """A file for the csv module that keeps nothing: what is written comes back as the result."""

    def write(self, line: str) -> str:
        return line


@require_safe
@login_required
@permission_required("library.view_book", raise_exception=True)
def streaming(request: HttpRequest) -> StreamingHttpResponse:
    """Send each line as soon as it is read."""
    return StreamingHttpResponse(lines(), headers=FILE)


def lines() -> Iterator[str]:
    """Yield the lines of the file; no more than a chunk of books is in memory at once."""
    writer = csv.writer(Echo())
    yield writer.writerow(HEADER)
    for book in Book.objects.select_related("author").iterator(chunk_size=2000):
        yield writer.writerow([book.pk, book.title, book.author.name, book.published_year])
