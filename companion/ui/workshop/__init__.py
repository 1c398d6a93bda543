"""The workshop in the window."""
