"""Authors and books in Django's admin: exported; a change of books has their authors' statistics recomputed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin

from brokerless.exports.admin_actions import ExportMixin
from library.models import Author, AuthorStatistics, Book
from library.tasks import recompute_author_statistics

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.forms import ModelForm
    from django.http import HttpRequest

# From here on one task for all authors takes less than a task, which is a process, for each of them.
MANY_AUTHORS = 10


class AuthorStatisticsInline(admin.StackedInline):
    """An author's statistics, to be read."""

    model = AuthorStatistics
    readonly_fields = [field.name for field in AuthorStatistics._meta.fields]  # noqa: SLF001 - documented

    def has_add_permission(self, request: HttpRequest, obj: Author | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Author | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Author | None = None) -> bool:
        return False


@admin.register(Author)
class AuthorAdmin(ExportMixin, admin.ModelAdmin):
    exporter = "authors"
    list_display = ["name"]
    search_fields = ["name"]
    show_full_result_count = False

    def get_inlines(self, request: HttpRequest, obj: Author | None) -> list[type[admin.StackedInline]]:
        return [AuthorStatisticsInline] if hasattr(obj, "statistics") else []


@admin.register(Book)
class BookAdmin(ExportMixin, admin.ModelAdmin):
    exporter = "books"
    list_display = [
        "title",
        "author",
        "published_year",
        "language",
        "average_rating",
        "ratings_count",
        "available",
    ]
    # No filter by language or year: the admin would read the whole table to list their values.
    list_filter = ["available"]
    list_select_related = ["author"]
    raw_id_fields = ["author"]
    readonly_fields = ["source_id"]
    search_fields = ["title", "author__name", "isbn13"]
    show_full_result_count = False  # a count of millions of books for every page

    # The admin does these in a transaction: the tasks are recorded in it, and start once it is committed.

    def save_model(self, request: HttpRequest, obj: Book, form: ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        former = {form.initial["author"]} if change else set()
        _have_statistics_recomputed({obj.author_id} | former)

    def delete_model(self, request: HttpRequest, obj: Book) -> None:
        super().delete_model(request, obj)
        _have_statistics_recomputed({obj.author_id})

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Book]) -> None:
        author_ids = set(queryset.values_list("author", flat=True))
        super().delete_queryset(request, queryset)
        _have_statistics_recomputed(author_ids)


def _have_statistics_recomputed(author_ids: set[int]) -> None:
    """Enqueue a task for each of these authors, or one for everybody if they are many."""
    if len(author_ids) >= MANY_AUTHORS:
        recompute_author_statistics.enqueue()
        return
    for author_id in sorted(author_ids):
        recompute_author_statistics.enqueue(author_id=author_id)
