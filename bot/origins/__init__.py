"""Which line of a repository sets a rendered value, and which edit would set another: found by rendering again. Pure;
knows no tool.
"""
