"""Teaching as a person does it: a page of steps that open as one goes, her learning, and what came of it."""
