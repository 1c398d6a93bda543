"""From a card and a conversation to the turns that the model reads."""
