"""The addresses of exports: `path("exports/", include("brokerless.exports.urls"))`."""

from __future__ import annotations

from django.urls import path

from brokerless.exports import views

app_name = "brokerless_exports"

urlpatterns = [
    path("files/<uuid:file_id>/", views.file, name="file"),
    path("<slug:name>/", views.export, name="export"),
]
