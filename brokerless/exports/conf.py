"""The settings of the exports, with the table that `brokerless.conf` describes."""

from __future__ import annotations

from types import NoneType

from brokerless.conf import MEGABYTE, Setting, Settings

GIGABYTE = 1000 * MEGABYTE

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
        Setting("MAX_RECIPIENTS", (int,), 10, "addresses", "the most addresses that one export is mailed to."),
        Setting(
            "KEEP_DAYS",
            (int, float),
            7,
            "days",
            "how long a file can be fetched; then it is removed, and its record stays.",
        ),
        Setting(
            "LINK_DAYS",
            (int, float),
            7,
            "days",
            "how long a mailed link leads to its file, if that is kept as long.",
        ),
        Setting(
            "LINKS_REQUIRE_LOGIN",
            (bool,),
            False,
            "true or false",
            "whether who has a mailed link must log in too, with an account that may see the file.",
        ),
        Setting(
            "QUOTA", (int, NoneType), 20 * GIGABYTE, "bytes", "the most that all files may take; None is no limit."
        ),
        Setting(
            "OWNER_QUOTA",
            (int, NoneType),
            5 * GIGABYTE,
            "bytes",
            "the most that the files of one owner may take; None is no limit.",
        ),
        Setting(
            "DIRECT_LIMIT",
            (int,),
            5_000,
            "rows",
            "the most rows that are sent at once by the request itself, with no task.",
        ),
        Setting("DIRECT_BYTES", (int,), 50 * MEGABYTE, "bytes", "the largest file that is sent at once."),
        Setting(
            "DIRECT_SECONDS",
            (int, float),
            10,
            "seconds",
            "how long a file that is sent at once may take to be made.",
        ),
        Setting(
            "ACCEL_REDIRECT",
            (str,),
            "",
            "URL path",
            "an internal location of nginx that leads to the storage's directory, for nginx to send the files; "
            "empty: Django does.",
        ),
    ),
)
