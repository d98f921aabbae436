"""What can be asked for, and how it is said: by a form, JSON, a command line or the admin."""
