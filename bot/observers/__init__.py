"""Readers of live state, one module a platform, behind the Observer port: each says what runs, or why it could not look.

An observer only reads, shows no text of others but sanitized, and may not know what Git should do about what it saw:
neither policies, limits nor the code host, and no other observer.
"""
