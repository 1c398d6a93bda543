"""The decoder that reads GGUF, its adapters and its losses."""
