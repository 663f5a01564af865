"""The sandbox, driven by the clients that real bots use."""
