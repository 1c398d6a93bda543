"""Writing adapters and models as GGUF, and verifying them through llama.cpp."""
