"""Decides the remedy of a drift from rule files. Pure."""
