"""What the papers claim, as data, and what our results say of each claim. No verdict is typed: all come from the store."""
