"""The example site's command line, with one source of rows: `python -m bench.exports.command SOURCE export_books`.

The source is the portable one, or the fastest there is: then the command fails if it would fall back to the other.
"""

from __future__ import annotations

import sys
from typing import NoReturn

from bench.exports.ways import PORTABLE
from brokerless.exports.sources import choosing
from brokerless.management import execute_from_command_line


def main() -> None:
    source = sys.argv.pop(1)
    if source == PORTABLE:
        choosing.FAST_SOURCES = {}
    else:
        choosing.PortableSource = refuse
    execute_from_command_line(sys.argv)


def refuse(*_: object) -> NoReturn:
    sys.exit("there is no faster source for this")


if __name__ == "__main__":
    main()
