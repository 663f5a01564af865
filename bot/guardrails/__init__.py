"""Judges a change by rules: deterministic detectors, guardrail documents, verdict. Pure."""
