"""GGUF files read without llama.cpp: the header, what is wrong with it, and the memory a model needs."""
