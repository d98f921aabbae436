"""The settings of the exports, with the table that `brokerless.conf` describes."""

from __future__ import annotations

from brokerless.conf import MEGABYTE, Setting, Settings

settings = Settings(
    "EXPORTS",
    (
        Setting("QUEUE", (str,), "default", "name", "the entry of BROKERLESS['QUEUES'] that exports wait in."),
        Setting("STORAGE", (str,), "exports", "alias", "the entry of STORAGES that holds the export files."),
        Setting(
            "ATTACHMENT_LIMIT",
            (int,),
            7 * MEGABYTE,
            "bytes",
            "the largest file that is attached to a mail; a larger one is linked to.",
        ),
    ),
)
