"""Tests of :mod:`bot.upstream` and of what is rendered from what it fetches, against servers on loopback."""
