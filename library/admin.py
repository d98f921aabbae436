"""Authors and books in Django's admin."""

from __future__ import annotations

from django.contrib import admin

from library.models import Author, Book


@admin.register(Author)
class AuthorAdmin(admin.ModelAdmin):
    list_display = ["name"]
    search_fields = ["name"]
    show_full_result_count = False


@admin.register(Book)
class BookAdmin(admin.ModelAdmin):
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
