"""The addresses of tasks: `path("tasks/", include("brokerless.urls"))`."""

from __future__ import annotations

from django.urls import path

from brokerless import views
from brokerless.dashboard import views as dashboard
from brokerless.health_view import health

app_name = "brokerless"

urlpatterns = [
    path("", dashboard.task_list, name="tasks"),
    path("health/", health, name="health"),
    path("<uuid:task_id>/", views.task_detail, name="task"),
    path("<uuid:task_id>/log", views.task_log, name="log"),
    path("<uuid:task_id>/cancel", views.task_cancel, name="cancel"),
]
