"""Ways in: command line, daemon, HTTP, demo. They know flows and wiring, print and serve, and decide nothing.

No adapter is named here but the sandbox, which the demo and ``clockwork sandbox`` start.
"""
