"""The example site, with streams that live for a second."""

from importlib import import_module

application = import_module("library.asgi").application

# Only now, as it has models.
stream = import_module("brokerless.live.stream")
stream.LIFETIME = 1.0
stream.SPREAD = 0.0
