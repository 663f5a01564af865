"""Carries out actions on what runs, one module a platform."""
