"""AI tools behind the Assistant port."""
