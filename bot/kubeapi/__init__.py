"""The API of a Kubernetes cluster: how to reach it, and what is asked of it.

Observers and appliers use it. It knows no port: what an object means, and what is to become of it, is theirs to say.
"""
