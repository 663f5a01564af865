"""Reads what people write (YAML, JSON, HCL, Compose, ``.env``) into declared resources and trees that know their places.

First stage of Intake → Assembly → Forge, and the only reader of these languages: the guard, the rule files and the
settings look at its trees. It may not know what runs, what anybody thinks of a value, or where the bytes come from.
"""
