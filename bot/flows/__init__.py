"""What Clockwork does in a run, from the commit to the report: observe, plan, carry out, close, answer, review.

Knows ports and values only: no adapter, no library of a code host or a cluster, no settings file, no terminal.
"""
