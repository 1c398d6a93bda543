"""Measuring models and adapters, reading what was found, and choosing blindly between two."""
