"""Readers of live state, one module a platform, behind the Observer port."""
