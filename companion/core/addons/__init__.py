"""Add-ons for graphics cards: llama.cpp's and torch's code for a card, beside the program, which never needs them."""
