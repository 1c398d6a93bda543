"""Everything that touches llama.cpp, and nothing else does."""
