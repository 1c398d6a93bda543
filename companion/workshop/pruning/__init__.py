"""Pruning: which layers, neurons, heads and weights of a model can go."""
