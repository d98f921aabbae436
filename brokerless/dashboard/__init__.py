"""The list of tasks: found, narrowed down, watched, and acted on together."""
