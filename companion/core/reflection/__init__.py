"""What is made of the talk at quiet moments: facts about the person, and summaries."""
