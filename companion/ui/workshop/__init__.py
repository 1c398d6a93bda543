"""The workshop in the window: one panel with a page for each kind of work."""
