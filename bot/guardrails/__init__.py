"""Judges a change by rules: deterministic detectors, guardrail documents, verdict.

Pure. It may not know the code host, what runs, or what the bot itself would change; an assistant's reply reaches it as
text that it does not believe.
"""
