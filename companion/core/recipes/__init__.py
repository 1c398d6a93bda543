"""Recipes: the typed configuration of one piece of workshop work."""
