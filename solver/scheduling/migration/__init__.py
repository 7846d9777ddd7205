"""From one placement to another: which VM moves when, by what way, and how soon all can be there."""
