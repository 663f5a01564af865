"""The one report of what differs, in its forms: JSON, Markdown, terminal; and reading one back. Pure."""
