"""What is asked of the scheduler and what it answers, as plain data; and its linear models."""
