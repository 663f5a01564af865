"""Git through pygit2: bare clones, commits without a checkout, pushes that expect a tip, the ledger."""
