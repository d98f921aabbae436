from django.apps import AppConfig


class ExportsConfig(AppConfig):
    """Hold the declarations of what the site exports; `exporters.py` is found by autodiscovery."""

    name = "exports"
    label = "site_exports"
    verbose_name = "What the site exports"
