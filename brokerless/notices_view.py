"""What tells a user of tasks on whatever page they are: the badge, and what is shown once."""
