"""The subcommands of `manage.py tasks`: each reads its arguments, calls the module that does it, and says so."""

from brokerless.management.subcommands.base import Subcommand
from brokerless.management.subcommands.cancelling import Cancel
from brokerless.management.subcommands.checking import Check
from brokerless.management.subcommands.draining import Drain
from brokerless.management.subcommands.launching import Launch
from brokerless.management.subcommands.listing import List
from brokerless.management.subcommands.pausing import Pause, Resume
from brokerless.management.subcommands.purging import Purge
from brokerless.management.subcommands.reading_logs import Log
from brokerless.management.subcommands.retrying import Retry
from brokerless.management.subcommands.showing import Show
from brokerless.management.subcommands.ticking import Tick
from brokerless.management.subcommands.waiting import Wait

__all__ = ["SUBCOMMANDS", "Subcommand"]

# In the order in which the help lists them.
SUBCOMMANDS: tuple[type[Subcommand], ...] = (
    List,
    Show,
    Launch,
    Wait,
    Log,
    Cancel,
    Retry,
    Tick,
    Check,
    Purge,
    Pause,
    Resume,
    Drain,
)
