from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class BrokerlessExportsConfig(AppConfig):
    """Exports; every installed app's `exporters` module is imported once the apps are ready."""

    name = "brokerless.exports"
    label = "brokerless_exports"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Exports")

    def ready(self) -> None:
        try:
            import django_filters  # noqa: F401 - everything here stands on it
        except ImportError as error:
            remedy = "pip install 'django-brokerless[exports]'"
            raise ImproperlyConfigured(f"brokerless.exports needs django-filter: {remedy}") from error
        from brokerless import deleting, purging
        from brokerless.exports import checks, declaration_checks, filter_checks, mail_checks  # noqa: F401 - registers them
        from brokerless.exports.files import links, retention, withdrawal

        purging.also(retention.purge)
        deleting.along(withdrawal.withdraw)
        links.connect()
        autodiscover_modules("exporters")
