"""Tests of the inverse search."""
