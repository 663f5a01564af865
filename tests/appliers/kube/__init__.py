"""A stand-in for the API server of Kubernetes: what its documentation promises, over real sockets.

It knows nothing of the project that it tests: no module here imports one of the project's.
"""
