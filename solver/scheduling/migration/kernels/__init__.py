"""The compiled loops that make schedules of legs."""
