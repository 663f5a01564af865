"""A Compose service as its file declares it, said in one long form. Pure; knows no container."""
