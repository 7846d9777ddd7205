"""The answer: reads instances, places, allocates, verifies, explains and reports."""
