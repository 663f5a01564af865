"""The REST and GraphQL endpoints, one module per noun, after docs.github.com, "REST API" (version 2022-11-28).

An endpoint turns a call into verbs and their result into a shape; it knows no HTTP (:mod:`bot.sandbox.edge` does) and
moves no state but through the verbs and the store.
"""
