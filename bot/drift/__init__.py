"""Compares desired, base and observed by meaning. Pure; what it knows of a platform stands in that platform's folder."""
