"""The example site's pages: the books, a number entered for a long job, and the authors with their statistics."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from brokerless import TooManyTasks, launch
from brokerless.responses import see_other, too_many_tasks
from library.filters import BookFilter
from library.forms import GenerateBooksForm
from library.models import AuthorStatistics, Book
from library.paging import page_of
from library.tasks import recompute_author_statistics

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from brokerless.models import TaskState


@require_safe
@login_required
@permission_required("library.view_book", raise_exception=True)
def book_list(request: HttpRequest) -> HttpResponse:
    """Show the books that the filters select, a page at a time, without counting them."""
    found = BookFilter(request.GET or None, queryset=Book.objects.select_related("author").order_by("pk"))
    is_valid = found.form.is_valid() or not found.is_bound
    page = page_of(found.qs if is_valid else Book.objects.none(), request)
    context = {
        "form": found.form,
        "given": {name: request.GET[name] for name in BookFilter.base_filters if request.GET.get(name)},
        "page": page,
        # Beyond the last page there is nothing to see, but still something to export.
        "can_export": not found.form.errors and (bool(page.rows) or page.number > 1),
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


@require_safe
@login_required
@permission_required("library.view_author", raise_exception=True)
def author_list(request: HttpRequest) -> HttpResponse:
    """Show the authors with their statistics, most ratings first, a page at a time."""
    found = AuthorStatistics.objects.select_related("author").order_by("-ratings_count", "author_id")
    page = page_of(found, request)
    # The oldest that is shown: the admin has single authors computed anew.
    as_of = min((statistics.computed_at for statistics in page.rows), default=None)
    return render(request, "library/author_list.html", {"page": page, "as_of": as_of})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@permission_required("library.recompute_authorstatistics", raise_exception=True)
def recompute_authors(request: HttpRequest) -> HttpResponse:
    """Start the task, or join the user's own that is on its way, and go to the page with its bar."""
    if request.method != "POST":
        return redirect("author_list")  # who had to log in first comes here with a GET; the button is there
    title = _("Recompute the statistics of authors")
    try:
        task = launch(recompute_author_statistics, request=request, title=title, unique_key="author-statistics")
    except TooManyTasks as error:
        return too_many_tasks(request, error)
    messages.success(request, _received(task))
    return see_other(reverse("brokerless:task", args=[task.pk]))


def _received(task: TaskState) -> str:
    """Return what the user reads of the request."""
    if not task.is_joined:
        return _("We have your request. You may leave this page.")
    if task.is_cancelling:
        return _("These statistics are just being cancelled; ask again when that has ended.")
    return _("The statistics are on their way already; here they are.")
