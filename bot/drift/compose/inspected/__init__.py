"""A container as its engine shows it, in the words of a Compose service. Pure; knows no declaration, calls no engine."""
