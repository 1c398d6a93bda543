"""Teaching without numbers: what the person wants becomes a recipe, and what came of it becomes a sentence."""
