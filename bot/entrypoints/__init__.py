"""Ways in: command line, daemon, HTTP."""
