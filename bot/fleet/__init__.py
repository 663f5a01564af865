"""Many repositories: who is due next, who may still ask the code host, and what is known of each. Pure: the clock and
everything outside are arguments. Carried out by :mod:`bot.flows.fleet`.
"""
