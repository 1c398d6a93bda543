"""From files of dialogues to batches: sources, cleaning, augmentation, splits, masks and packing."""
