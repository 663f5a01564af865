"""A GitHub-compatible server for trying and testing Clockwork: REST, a little GraphQL, git over HTTP, webhooks, pages.

It knows GitHub as it is documented and nothing of Clockwork but its errors: what the bot believes about GitHub
(:mod:`bot.github`) is written again here from the other side, on purpose, so that one error is not made twice.
"""
