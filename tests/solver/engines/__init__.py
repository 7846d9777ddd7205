"""Tests of solver.engines."""
