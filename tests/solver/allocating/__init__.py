"""Tests of allocating."""
