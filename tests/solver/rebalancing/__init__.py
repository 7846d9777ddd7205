"""Tests of re-placement."""
