"""Ways to say the same with other words. Each is off unless asked for, and shows what it did."""
