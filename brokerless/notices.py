"""What commands tell their users while they run, and what was not shown to them yet."""
