"""The living picture of the character."""
