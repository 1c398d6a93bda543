"""How she does in real talk, as a card."""
