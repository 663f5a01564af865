"""Decides whether a remedy may be carried out now: limits, cooldown, breaker, halt. Pure; knows no Git and no code host."""
