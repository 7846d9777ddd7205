"""Tests of the fixed schedule."""
