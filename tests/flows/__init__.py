"""Tests of flows, driven through the sandbox."""
