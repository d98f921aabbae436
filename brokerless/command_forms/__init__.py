"""A form for a management command, made from its own parser: what the admin launches commands with."""
