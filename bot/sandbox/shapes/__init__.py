"""GitHub's JSON, built from the sandbox's records: what a reply or a delivery shows, field by field.

Shapes read state and change none, and know no caller: who may see what is asked before.
"""
