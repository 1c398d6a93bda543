"""Companion: talk to a character whose mind runs on your own machine."""

__version__ = "0.1.0"
