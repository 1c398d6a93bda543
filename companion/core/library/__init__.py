"""The library: models, adapters and builds on this machine, where each came from, and what uses it."""
