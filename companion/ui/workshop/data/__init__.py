"""The page of data: what she can learn from, looked through, cleaned, varied, mapped and divided."""
