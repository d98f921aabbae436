"""Changes of tasks, pushed to the pages that show them."""
