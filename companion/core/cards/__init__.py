"""Character cards and lorebooks of other programs, from files and to files."""
