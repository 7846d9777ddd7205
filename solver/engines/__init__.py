"""Engines: ways of finding placements, each behind one function that takes an instance and a deadline."""
