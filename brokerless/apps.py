import logging

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BrokerlessConfig(AppConfig):
    name = "brokerless"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Background tasks")

    def ready(self) -> None:
        from brokerless import checks  # noqa: F401 - registers them

        # Otherwise not even imported: a task without listeners makes no query for them.
        if logging.getLogger("brokerless.tasks").isEnabledFor(logging.INFO):
            from brokerless import signal_log

            signal_log.connect()
