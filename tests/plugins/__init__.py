"""Packages outside of this repository that bring observers, renderers, assistants and code hosts along."""
