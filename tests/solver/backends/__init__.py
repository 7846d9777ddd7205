"""Tests of `solver.backends`."""
