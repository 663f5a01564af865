"""The ledger: an append-only commit chain on a ref, its tree, its records, and the proof that nobody changed it."""
