"""A mutation run: change one thing in a room, and see whether a test of that room notices.

``python -m tests.mutate policy --sample 40`` prints the changes that no test noticed (survivors) and their share. What
can be told from the outside by no test at all is listed with its reason in ``equivalents.toml``.
"""
