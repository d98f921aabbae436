from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BrokerlessConfig(AppConfig):
    name = "brokerless"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Background tasks")

    def ready(self) -> None:
        from brokerless import checks  # noqa: F401 - registers them
