"""Frozen values that every floor shares. Nothing here does I/O, reads a clock or knows a library of the outside."""
