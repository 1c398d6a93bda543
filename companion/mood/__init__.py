"""The mood of a sentence, read by a small model of our own."""
