"""`make bench`: exports of one table of books by every way there is, side by side."""
