"""Records of guarded AI runs, in SQL or on a Git ref."""
