"""Export files: stored, kept for a while, fetched, and removed."""
