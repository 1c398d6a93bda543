"""What the program is doing: objects with signals and without widgets."""
