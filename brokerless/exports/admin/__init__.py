"""Export files in Django's admin: who made what, who has been sent it, and an end to both."""

from django.contrib import admin

from brokerless.exports.admin.files import ExportFileAdmin
from brokerless.exports.models import ExportFile

admin.site.register(ExportFile, ExportFileAdmin)
