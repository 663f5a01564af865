"""Compares desired, base and observed by meaning. Pure."""
