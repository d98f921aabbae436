import threading

from django.apps import AppConfig


class ProbesConfig(AppConfig):
    name = "tests.probes"
    default = True


class HangingConfig(AppConfig):
    """The same app in a site whose set-up never ends."""

    name = "tests.probes"

    def ready(self):
        threading.Event().wait()


class ThreadedConfig(AppConfig):
    """The same app in a site whose set-up starts a thread, as some instrumentation does."""

    name = "tests.probes"

    def ready(self):
        threading.Thread(target=threading.Event().wait, daemon=True).start()


class ListeningConfig(AppConfig):
    """The same app in a site that listens to its tasks' signals."""

    name = "tests.probes"

    def ready(self):
        from tests.probes import listening

        listening.connect()
