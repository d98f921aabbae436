"""`python -m brokerless <command>`: what a site without a MANAGE_PY of ours is run with."""

import sys

from brokerless.management import execute_from_command_line

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
