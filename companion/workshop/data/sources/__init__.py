"""Where dialogues come from: one file per form, read as a stream."""
