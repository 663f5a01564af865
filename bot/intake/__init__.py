"""Reads declared files into values whose every leaf knows where it is written. First stage of Intake → Assembly → Forge."""
