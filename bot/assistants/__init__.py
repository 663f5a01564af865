"""AI tools behind the Assistant port: how each is called without tools of its own, and what its output means.

A reply is untrusted data. The room may not know the guardrails, the code host or the repository; a tool gets its prompt,
its own key and an empty home.
"""
