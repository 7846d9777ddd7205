"""The scheduler: from a solved placement to running machines."""
