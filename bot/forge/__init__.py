"""Renders the IR into committed artifacts, the same bytes everywhere. Last stage of Intake → Assembly → Forge.

It may not know what runs; of Git it knows the artifacts' paths alone.
"""
