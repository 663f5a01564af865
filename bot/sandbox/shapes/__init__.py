"""GitHub's JSON, built from the sandbox's records."""
