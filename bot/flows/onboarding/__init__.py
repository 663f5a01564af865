"""The first hour of a repository with Clockwork: what is there, what is added, what a first run would do.

``survey`` looks, ``starter`` makes the files that are missing, ``forecast`` tells a dry run by lane, ``proposal`` opens
the pull request. Called by ``clockwork init`` through wiring.
"""
