"""Signed commits, with the programs Git itself uses: ``ssh-keygen -Y sign`` and ``gpg``.

The commands are those of git's gpg-interface.c (git-config(1), ``gpg.format``; ssh-keygen(1), namespace ``git``), and
the signature becomes the header ``gpgsig`` (gitformat-signature(5)). A signer is asked by
:class:`~bot.gitrepo.repository.GitRepository` for every commit it makes when one is configured; there is no unsigned
fallback.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bot.errors import Refused, Unavailable

_SECONDS = 30


class Signer(Protocol):
    """Makes the value of a commit's ``gpgsig`` header."""

    def sign(self, payload: bytes) -> str:
        """An armoured signature of ``payload``. Raises ``Refused`` when the key cannot be used."""
        ...


@dataclass(frozen=True, slots=True)
class SshSigner:
    """Signs with an SSH key file (private, or public while an agent holds the private one), as ``gpg.format=ssh`` does."""

    key: Path
    program: str = "ssh-keygen"
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def sign(self, payload: bytes) -> str:
        with tempfile.TemporaryDirectory(prefix="clockwork-sign-") as folder:
            buffer = Path(folder) / "commit"
            buffer.write_bytes(payload)
            _run([self.program, "-Y", "sign", "-n", "git", "-f", str(self.key), str(buffer)], b"", self.environment)
            return buffer.with_name("commit.sig").read_text()


@dataclass(frozen=True, slots=True)
class GpgSigner:
    """Signs with the GnuPG key ``key`` (id, fingerprint or e-mail) of the keyring in ``home``."""

    key: str
    home: Path | None = None
    program: str = "gpg"
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def sign(self, payload: bytes) -> str:
        home = ["--homedir", str(self.home)] if self.home else []
        command = [self.program, *home, "--batch", "--no-tty", "--status-fd=2", "-bsau", self.key]
        return _run(command, payload, self.environment).decode()


def _run(command: list[str], payload: bytes, environment: Mapping[str, str]) -> bytes:
    try:
        finished = subprocess.run(
            command, input=payload, capture_output=True, check=False, timeout=_SECONDS, env=dict(environment) or None
        )
    except FileNotFoundError as exc:
        raise Refused(f"commits are to be signed, but {command[0]} is not installed") from exc
    except subprocess.TimeoutExpired as exc:
        raise Unavailable(
            f"{command[0]} did not sign within {_SECONDS} s", advice="it may be waiting for a passphrase"
        ) from exc
    if finished.returncode != 0:
        message = " ".join(finished.stderr.decode(errors="replace").split())[-300:]
        raise Refused(
            f"{command[0]} could not sign the commit: {message}", advice="check the signing key in the settings"
        )
    return finished.stdout
