"""What is measured of a model: one family of metrics per file, and how surely it is known."""
