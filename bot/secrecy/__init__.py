"""The one answer to "is this a secret?": names, token forms, where credentials stand in a text, the text without them.

Whoever reports, compares or shows text asks here. The room is pure and may not know what the text is about: neither
Kubernetes nor Compose, neither drift nor findings; it knows how people and programs write secrets down.

* :mod:`~bot.secrecy.vocabulary`: the names of things that hold a secret, and values that are none under any name
* :mod:`~bot.secrecy.providers`: the table of token forms, each row with its source
* :mod:`~bot.secrecy.tokens`: tokens in a text, and whether one is real or an example
* :mod:`~bot.secrecy.credentials`: everything secret in a text, also what only its name or its place gives away
* :mod:`~bot.secrecy.redaction`: the text without it
* :mod:`~bot.secrecy.literals`: many literals in one pass over a text
* :mod:`~bot.secrecy.scan`: many patterns over many lines at once
"""
