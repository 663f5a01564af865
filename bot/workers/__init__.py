"""Background work over session records: analysis, metrics, export, cleanup."""
