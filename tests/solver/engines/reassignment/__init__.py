"""Tests of re-placement by local search."""
