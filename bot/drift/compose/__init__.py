"""How a running container differs from its Compose service, in the words of the file; knows no other platform, no engine."""
