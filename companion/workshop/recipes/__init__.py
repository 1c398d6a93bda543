"""One file per recipe, read from top to bottom."""
