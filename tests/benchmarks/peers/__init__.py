"""Other programs' ways of doing the same work, run in processes of their own beside ours."""
