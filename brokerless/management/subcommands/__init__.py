"""The subcommands of `manage.py tasks`: each reads its arguments, calls the module that does it, and says so."""

from brokerless.management.subcommands.base import Subcommand
from brokerless.management.subcommands.draining import Drain
from brokerless.management.subcommands.pausing import Pause, Resume
from brokerless.management.subcommands.ticking import Tick

__all__ = ["SUBCOMMANDS", "Subcommand"]

# In the order in which the help lists them.
SUBCOMMANDS: tuple[type[Subcommand], ...] = (Tick, Pause, Resume, Drain)
