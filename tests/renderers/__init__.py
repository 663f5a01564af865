"""Tests of the renderers, on small repositories of our own (``tests/gitops``) and with the real tools."""
