"""Tests of tables, profiles and curves."""
