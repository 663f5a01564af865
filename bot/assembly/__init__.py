"""Evaluates .cw declarations into the intermediate representation (IR). Second stage of Intake → Assembly → Forge."""
