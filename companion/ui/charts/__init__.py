"""Charts: lines over steps, painted by ourselves, readable at 100,000 points and without colours."""
