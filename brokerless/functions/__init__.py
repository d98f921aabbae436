"""Task functions: what Django's `@task` makes, called by a management command in a process of its own."""
