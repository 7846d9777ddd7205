"""Tests of what runs in the peers' environments."""
