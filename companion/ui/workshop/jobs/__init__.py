"""Work that waits, goes on, or is done: a list, and everything about one of it."""
