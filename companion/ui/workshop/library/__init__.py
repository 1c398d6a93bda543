"""The library: what there is, where it came from, who uses it, and what can be had."""
