"""The names of languages by the codes of goodbooks: ISO 639-2, and some of ISO 639-1 with a country."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

NAMES = {
    "ara": _("Arabic"),
    "chi": _("Chinese"),
    "dan": _("Danish"),
    "dut": _("Dutch"),
    "en": _("English"),
    "en-CA": _("English (Canada)"),
    "en-GB": _("English (Great Britain)"),
    "en-US": _("English (USA)"),
    "eng": _("English"),
    "fil": _("Filipino"),
    "fre": _("French"),
    "ger": _("German"),
    "grc": _("Ancient Greek"),
    "gre": _("Greek"),
    "heb": _("Hebrew"),
    "hin": _("Hindi"),
    "ind": _("Indonesian"),
    "ita": _("Italian"),
    "jpn": _("Japanese"),
    "kor": _("Korean"),
    "lat": _("Latin"),
    "mul": _("several languages"),
    "nl": _("Dutch"),
    "nor": _("Norwegian"),
    "per": _("Persian"),
    "pol": _("Polish"),
    "por": _("Portuguese"),
    "rum": _("Romanian"),
    "rus": _("Russian"),
    "spa": _("Spanish"),
    "swe": _("Swedish"),
    "tur": _("Turkish"),
    "vie": _("Vietnamese"),
}
BY_CODE = {code.lower(): name for code, name in NAMES.items()}


def language_name(code: str) -> str:
    """Return what a language is called, in the reader's language; the code itself where no name is known."""
    return str(BY_CODE.get(code.strip().lower(), code))
