"""Background work over the records of guarded runs: analysis, metrics, export, cleanup, and when each of them is due.

Knows session records and a way to publish a file: not the loop, not the ledger, not the code host.
"""
