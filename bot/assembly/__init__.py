"""Evaluates ``.cw`` declarations into the intermediate representation (IR). Second stage of Intake → Assembly → Forge.

Pure: same files, same configuration. It may not know what a configuration is rendered to, what runs, or who changes it.
"""
