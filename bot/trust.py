"""Which certificate authorities are trusted, read once a process: reading them costs more than an exchange on loopback."""

from __future__ import annotations

import ssl
from functools import cache


@cache
def machine_authorities() -> ssl.SSLContext:
    """Those of this machine, as Git trusts them; SSL_CERT_FILE names others (OpenSSL, ``SSL_CTX_set_default_verify_paths``)."""
    return ssl.create_default_context()


@cache
def web_authorities() -> ssl.SSLContext:
    """Those of certifi, as httpx trusts them without a word; SSL_CERT_FILE and SSL_CERT_DIR name others."""
    import httpx

    return httpx.create_ssl_context()
