"""Renders the IR into committed artifacts. Last stage of Intake → Assembly → Forge."""
