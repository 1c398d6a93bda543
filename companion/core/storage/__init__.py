"""The one SQLite file: conversations, memories and personas, opened, searched, mended and forgotten."""
