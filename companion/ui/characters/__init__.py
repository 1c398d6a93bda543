"""The gallery of characters and the editor of cards."""
