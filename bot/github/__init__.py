"""GitHub through PyGithub, behind :class:`bot.ports.CodeHost`: pull requests, issues, comments, checks, deliveries.

The room knows GitHub's API and nothing of Git, settings, policies or flows; only wiring and the entry points import it.
"""
