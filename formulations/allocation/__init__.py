"""Allocation models: who gets how much on a given host (linear, dynamic and free)."""
