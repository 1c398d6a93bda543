"""Shared vocabulary: what every process of the program agrees on. Imports no Qt, no numpy, no native model code."""
