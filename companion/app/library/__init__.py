"""What the library page shows, and what it asks for."""
