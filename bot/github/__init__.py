"""GitHub through PyGithub, behind the CodeHost port."""
