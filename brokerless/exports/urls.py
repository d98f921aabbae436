"""The addresses of exports: `path("exports/", include("brokerless.exports.urls"))`."""

from __future__ import annotations

from django.urls import path

from brokerless.exports.views import asking, files

app_name = "brokerless_exports"

urlpatterns = [
    path("files/<uuid:file_id>/", files.file, name="file"),
    path("<slug:name>/", asking.export, name="export"),
]
