"""The commands that BROKERLESS["ADMIN_COMMANDS"] names, and why there is no form for some of them."""

from __future__ import annotations

from dataclasses import dataclass

from brokerless.arguments import load_command
from brokerless.command_forms.form import CommandForm
from brokerless.command_forms.parser import NotOffered
from brokerless.conf import settings
from brokerless.exceptions import UnknownCommand


@dataclass(frozen=True)
class Offer:
    """A command, what it says of itself, and why there is no form for it; empty if there is one."""

    name: str
    help: str = ""
    refusal: str = ""


def offers() -> list[Offer]:
    """Return the commands in the order of the settings."""
    return [offer(name) for name in dict.fromkeys(settings.ADMIN_COMMANDS)]


def offer(name: str) -> Offer:
    """Look at a command, whose code may say anything."""
    try:
        CommandForm(name)
        return Offer(name, help=str(load_command(name).help))
    except (NotOffered, UnknownCommand) as error:
        return Offer(name, refusal=str(error))
    except Exception as error:  # a command's module is any code
        return Offer(name, refusal=f"{type(error).__name__}: {error}")


def is_offered(name: str) -> bool:
    """Tell whether the settings name a command, and there is a form for it."""
    return name in settings.ADMIN_COMMANDS and not offer(name).refusal
