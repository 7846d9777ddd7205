"""The event loops of the built-in policies, compiled; numba is imported here and nowhere else."""
