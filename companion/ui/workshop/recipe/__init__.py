"""A recipe as a form: every field of its struct, what matters first, the rest folded away."""
