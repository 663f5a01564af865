"""What Clockwork does, in terms of ports: reconcile, remedy, review, apply, commands, dashboard."""
