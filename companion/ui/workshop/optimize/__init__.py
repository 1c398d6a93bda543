"""The page that makes a model smaller or faster on this computer: quantize, tune, prune and distill."""
