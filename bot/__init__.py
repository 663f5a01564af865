"""Clockwork: a Git-centric GitOps bot that mends drift by changing Git the way each change deserves."""

__version__ = "0.1.0"
