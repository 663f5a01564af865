"""Which certificate authorities are trusted, read once a process: reading them costs more than an exchange on loopback."""

from __future__ import annotations

import os
import ssl
from contextlib import suppress
from functools import cache
from pathlib import Path


@cache
def machine_authorities() -> ssl.SSLContext:
    """Those of this machine, as Git trusts them; SSL_CERT_FILE names others (OpenSSL, ``SSL_CTX_set_default_verify_paths``)."""
    return ssl.create_default_context()


@cache
def web_authorities() -> ssl.SSLContext:
    """Those of certifi, as httpx trusts them without a word; SSL_CERT_FILE and SSL_CERT_DIR name others."""
    import httpx

    return httpx.create_ssl_context()


def load_authorities() -> tuple[Path, ...]:
    """Read them now; the files and folders that they were read from. Nothing where keys of connections are to be logged, for
    which each process opens a file of its own.
    """
    if "SSLKEYLOGFILE" in os.environ:
        return ()
    machine_authorities()
    usual = ssl.get_default_verify_paths()
    sources = [each for each in (usual.cafile, usual.capath) if each]
    with suppress(ModuleNotFoundError):  # without the extra `http` nobody asks for the others
        web_authorities()
        import certifi

        sources.append(certifi.where())
    return tuple(map(Path, sources))
