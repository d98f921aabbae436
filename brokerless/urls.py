"""The addresses of tasks: `path("tasks/", include("brokerless.urls"))`."""

from __future__ import annotations

from django.urls import path

from brokerless import views
from brokerless.dashboard import views as dashboard
from brokerless.dashboard.selected import selected
from brokerless.health_view import health
from brokerless.live import views as live
from brokerless.notices_view import notices

app_name = "brokerless"

urlpatterns = [
    path("", dashboard.task_list, name="tasks"),
    path("selected", selected, name="selected"),
    path("status", dashboard.task_statuses, name="status"),
    path("health/", health, name="health"),
    path("events", live.events, name="events_of"),
    path("notices", notices, name="notices"),
    path("<uuid:task_id>/", views.task_detail, name="task"),
    path("<uuid:task_id>/events", live.task_events, name="events"),
    path("<uuid:task_id>/log", views.task_log, name="log"),
    path("<uuid:task_id>/cancel", views.task_cancel, name="cancel"),
    path("<uuid:task_id>/retry", views.task_retry, name="retry"),
]
