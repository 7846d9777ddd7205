"""Tests of column generation: pricing, the relaxation, dives, and the engine."""
