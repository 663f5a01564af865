"""How a running container differs from its Compose service, in the words of the Compose file. Pure; knows no engine."""
