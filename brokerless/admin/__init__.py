"""Tasks and hosts in Django's admin: to be read, and to be acted on; none is changed by filling in a form."""

from django.contrib import admin

from brokerless.admin.hosts import HostAdmin
from brokerless.admin.tasks import TaskStateAdmin
from brokerless.models import Host, TaskState

admin.site.register(TaskState, TaskStateAdmin)
admin.site.register(Host, HostAdmin)
