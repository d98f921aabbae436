"""The example site's addresses; the product's own are included whole."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from django.views.generic import RedirectView

from library import export_views, views

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="book_list")),
    path("books/", views.book_list, name="book_list"),
    path("books/export/", export_views.ways, name="export_ways"),
    path("books/export/blocking/", export_views.blocking, name="export_blocking"),
    path("books/export/streaming/", export_views.streaming, name="export_streaming"),
    path("books/generate/", views.generate_books, name="generate_books"),
    path("authors/", views.author_list, name="author_list"),
    path("authors/recompute/", views.recompute_authors, name="recompute_authors"),
    path("tasks/", include("brokerless.urls")),
    path("exports/", include("brokerless.exports.urls")),
    path("login/", LoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
]
