"""The conversation and the line to write in."""
