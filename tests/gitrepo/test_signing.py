"""Signed commits that Git itself verifies."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from bot.errors import Refused
from bot.gitrepo.repository import GitRepository
from bot.gitrepo.signing import GpgSigner, Signer, SshSigner
from tests.gitrepo.conftest import NOW, seed
from tests.gitrepo.server import GitServer, git


def signed(box: GitServer, tmp_path: Path, signer: Signer) -> tuple[Path, str]:
    """A pushed commit made with ``signer``, and the repository it is in."""
    bare = box.bare("shop.git")
    base = seed(bare, {"a.yaml": b"a\n"})
    repo = GitRepository.open(box.url("shop.git"), tmp_path / "clone", signer=signer)
    repo.fetch()
    made = repo.commit(base, {"a.yaml": b"b\n"}, message="Grüße\n", at=NOW)
    repo.push("main", made, expected=base)
    return bare, made


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
def test_ssh_signatures_verify(box: GitServer, tmp_path: Path) -> None:
    """``git verify-commit`` accepts what ``ssh-keygen -Y sign`` made."""
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    bare, made = signed(box, tmp_path, SshSigner(key))
    allowed = tmp_path / "allowed"
    allowed.write_text(f"clockwork@users.noreply.github.com {key.with_suffix('.pub').read_text()}")
    git("-c", f"gpg.ssh.allowedSignersFile={allowed}", "-c", "gpg.format=ssh", "verify-commit", made, at=bare)
    assert git("log", "-1", "--format=%s", made, at=bare) == "Grüße"


@pytest.mark.skipif(shutil.which("gpg") is None, reason="gpg is not installed")
def test_gpg_signatures_verify(box: GitServer, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """``gpg --verify`` accepts the signature over the commit without it."""
    home = tmp_path_factory.mktemp("g")
    home.chmod(0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--no-tty"]
    subprocess.run(
        [*gpg, "--passphrase", "", "--quick-gen-key", "bot@example.org", "ed25519", "sign", "never"],
        check=True,
        capture_output=True,
    )
    try:
        bare, made = signed(box, tmp_path, GpgSigner("bot@example.org", home))
        done = subprocess.run(
            ["git", "verify-commit", "--raw", made],
            cwd=bare,
            env={"PATH": "/usr/bin:/bin:/usr/local/bin", "GNUPGHOME": str(home), "HOME": str(home)},
            capture_output=True,
            check=False,
        )
        assert b"GOODSIG" in done.stderr
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)


def test_no_signature_means_no_commit(box: GitServer, tmp_path: Path) -> None:
    """A key or a program that is not there is Refused; there is no unsigned commit instead."""
    bare = box.bare("other.git")
    base = seed(bare, {"a.yaml": b"a\n"})
    for signer in (SshSigner(tmp_path / "nothing"), GpgSigner("x", program="no-such-gpg")):
        repo = GitRepository.open(box.url("other.git"), tmp_path / "clone2", signer=signer)
        repo.fetch()
        with pytest.raises(Refused):
            repo.commit(base, {"a.yaml": b"b\n"}, message="m", at=NOW)
