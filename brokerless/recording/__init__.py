"""Recorded runs: a command that is run by hand or by cron leaves a row, a log and an exit code, as a task does.

`typed` reads the command line, `overlap` sees to it that the same does not run twice at once, `running` makes the
process the monitor of its own child, `command` is that child, `terminal` copies its output into the log.
"""
