#!/usr/bin/env python
"""Run the example site's management commands, and the tasks that are spawned from them."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "library.settings")
    from brokerless.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
