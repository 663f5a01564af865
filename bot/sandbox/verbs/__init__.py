"""What can be done to the sandbox's state, and what follows from it: rows, refs and deliveries change here alone.

A verb is called by the API and by the pages with the account that acts; it checks what GitHub checks of the values, and
knows nothing of requests, tokens or HTTP statuses beyond the :class:`~bot.sandbox.replies.ApiProblem` it raises.
"""
