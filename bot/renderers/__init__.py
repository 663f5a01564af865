"""Renders the units of a target with the tools that deploy them. A tool sees the files of one commit and no network."""
