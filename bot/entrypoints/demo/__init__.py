"""``clockwork demo``: the real bot on a made-up shop, against the embedded sandbox."""
