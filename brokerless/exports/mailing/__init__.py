"""The mail that brings a file, or a link to it, to each recipient once."""
