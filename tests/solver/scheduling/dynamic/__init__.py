"""Tests of the dynamic schedule."""
