"""How she does in real talk: what the person had to mend, and how far she has come from what she learned."""
