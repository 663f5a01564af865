"""Git through libgit2: bare clones, commits without a checkout, pushes that expect a tip, signatures, the ledger.

The room satisfies :class:`bot.ports.Repository` and :class:`bot.ports.Ledger`; it knows no host's API (pull requests,
issues, checks), no settings and no flow, and never runs a file's content or a hook.
"""
