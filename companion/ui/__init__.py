"""What the program looks like. Views show what they are given and emit intents; they never call a model."""
