"""A GitHub-compatible server for trying and testing Clockwork."""
