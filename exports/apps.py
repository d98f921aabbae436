from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ExportsConfig(AppConfig):
    """Hold the declarations of what the site exports; `exporters.py` is found by autodiscovery."""

    name = "exports"
    label = "site_exports"
    verbose_name = _("What the site exports")
