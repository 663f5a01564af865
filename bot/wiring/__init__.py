"""Joins settings, adapters and flows; every entry point starts here.

The only room that knows everything, so it holds nothing else: no business, no text for people. Import its modules one
by one: each brings along what its own commands need and no more.
"""
