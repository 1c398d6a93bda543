"""A report as something to look at: the verdict, a page, lines in a terminal."""
