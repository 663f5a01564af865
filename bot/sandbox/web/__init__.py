"""The pages a person reads and presses Merge on.

They act through the same verbs as the API does, as the one person the sandbox was started for, and know no tokens.
"""
