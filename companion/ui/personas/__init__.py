"""Who the person can be."""
