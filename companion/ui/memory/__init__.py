"""Reading and changing what she remembers."""
