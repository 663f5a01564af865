"""Records of guarded AI runs, in SQL or on a Git ref, behind a queue that nobody waits for.

It may not know how a run was judged or who reads the figures; Git itself is behind a port.
"""
