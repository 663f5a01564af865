"""Sends messages to people: by apprise to a hundred services, by signed webhooks to programs.

:mod:`deliveries` sends to all receivers at once and waits for none longer than it may; :mod:`background` keeps the daemon
from waiting at all. Messages are filled in by :mod:`composer` from templates that may be the repository's own.
"""
