"""From a model and a machine to the build that suits both: importance, sensitivity, allocation, verification."""
