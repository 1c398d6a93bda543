"""Cleaning steps: each counts and lists what it found before anything is written."""
