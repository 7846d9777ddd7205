"""Is it true: mirrors ``formulations`` and ``solver``."""
