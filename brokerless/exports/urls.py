"""The addresses of exports: `path("exports/", include("brokerless.exports.urls"))`."""

from __future__ import annotations

from django.urls import path

from brokerless.exports.views import asking, direct, files, shared

app_name = "brokerless_exports"

urlpatterns = [
    path("files/<uuid:file_id>/", files.file, name="file"),
    path("files/<uuid:file_id>/about/", files.about, name="about_file"),
    path("files/<uuid:file_id>/revoke-links/", files.revoke_links, name="revoke_links"),
    path("shared/<str:token>/", shared.shared, name="shared"),
    path("<slug:name>/", asking.export, name="export"),
    path("<slug:name>/download/", direct.download, name="download"),
]
