"""The example site's pages: the books, and a number entered for a long job."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.shortcuts import render
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from brokerless import TooManyTasks, launch
from brokerless.responses import see_other, too_many_tasks
from library.filters import BookFilter
from library.forms import GenerateBooksForm
from library.models import Book

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

PAGE_SIZE = 25


@require_safe
@login_required
@permission_required("library.view_book", raise_exception=True)
def book_list(request: HttpRequest) -> HttpResponse:
    """Show the books that the filters select, a page at a time, without counting them."""
    found = BookFilter(request.GET or None, queryset=Book.objects.select_related("author").order_by("pk"))
    number = _page_number(request)
    start = (number - 1) * PAGE_SIZE
    # One more than is shown tells whether there is a next page; a count would read every row.
    books = list(found.qs[start : start + PAGE_SIZE + 1]) if found.form.is_valid() or not found.is_bound else []
    context = {
        "form": found.form,
        "given": {name: request.GET[name] for name in BookFilter.base_filters if request.GET.get(name)},
        "books": books[:PAGE_SIZE],
        # Beyond the last page there is nothing to see, but still something to export.
        "can_export": not found.form.errors and (bool(books) or number > 1),
        "has_next": len(books) > PAGE_SIZE,
        "number": number,
        "previous": number - 1,
        "next": number + 1,
    }
    return render(request, "library/book_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@permission_required("library.generate_book", raise_exception=True)
def generate_books(request: HttpRequest) -> HttpResponse:
    """Take a number, start the job, and go to the page with its bar."""
    form = GenerateBooksForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK
        return render(request, "library/generate_books.html", {"form": form}, status=status)
    count = form.cleaned_data["count"]
    title = _("Generate %(count)s books") % {"count": number_format(count, use_l10n=True, force_grouping=True)}
    try:
        task = launch("generate_books", arguments=[count], request=request, title=title)
    except TooManyTasks as error:
        return too_many_tasks(request, error)
    messages.success(request, _("We have your request. You may leave this page."))
    return see_other(reverse("brokerless:task", args=[task.pk]))


def _page_number(request: HttpRequest) -> int:
    """Return the page asked for; the first one for what is no page."""
    text = request.GET.get("page", "")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else 1
