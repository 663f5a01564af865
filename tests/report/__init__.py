"""The one report in its forms."""
