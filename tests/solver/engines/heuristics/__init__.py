"""Tests of the heuristics for vector packing."""
