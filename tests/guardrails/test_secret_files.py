"""Files that hold secrets by what they are."""

from __future__ import annotations

import json
from typing import Final

import pytest

from bot.guardrails.rule import ChangeFacts, PastCommit
from bot.model.finding import FileChange, FileStatus
from bot.model.severity import Severity
from tests.guardrails.changes import file, fire, random_text
from tests.table import table

HASH: Final = random_text(53)


def state(**outputs: object) -> str:
    """A state of Terraform with these outputs."""
    return json.dumps({"version": 4, "lineage": "8e5c-1", "outputs": outputs, "resources": []}, indent=2)


PLAIN: Final = {"value": random_text(20), "type": "string", "sensitive": True}
OPEN: Final = {"value": "10.0.0.1", "type": "string"}
DER: Final = b"\x30\x82\x04\xa4"


@table(
    ("path", "before", "after", "told"),
    [
        ("terraform.tfstate", None, state(), 1),
        ("env/prod/terraform.tfstate.backup", None, state(address=OPEN), 1),
        ("terraform.tfstate", None, state(db=PLAIN), 2),
        ("terraform.tfstate", state(), state(db=PLAIN), 1),
        ("terraform.tfstate", state(db=PLAIN), state(db=PLAIN, address=OPEN), 0),
        ("tests/data/terraform.tfstate", None, state(db=PLAIN), 2),
        (".htpasswd", None, f"admin:$apr1${HASH[:8]}${HASH[8:30]}\n", 1),
        ("conf/users", None, f"ann@example.org:$2y$10${HASH}\nbob:{{SHA}}{HASH[:27]}=\n", 2),
        ("docker-compose.yml", None, f'labels:\n- "traefik.x.users=admin:$$2y$$05$${HASH}"\n', 1),
        ("roles/vars.yaml", None, f"- 'root:$6${HASH[:8]}${HASH}'\n", 1),
        (".htpasswd", None, "admin:$apr1$xxxxxxxx$xxxxxxxxxxxxxxxxxxxxxx\n", 0),
        ("seed.sql", None, f"(1, '$2a$10${HASH}');\n", 0),
        ("a.pl", None, "s:$1$2:$1:;\n", 0),
        ("docs/auth.md", None, f"admin:$apr1${HASH[:8]}${HASH[8:30]}\n", 0),
    ],
)
def test_a_file_that_holds_secrets_is_told(path: str, before: str | None, after: str, told: int) -> None:
    """Once for the file, and for each thing in it that anybody can read from now on."""
    hits = fire("SEC-002", file(path, before, after))
    assert len(hits) == told
    assert all(hit.severity is Severity.LOW for hit in hits) or not path.startswith("tests/")


@table(
    ("path", "data", "told"),
    [
        ("release.jks", b"\xfe\xed\xfe\xed\0\0\0\2", True),
        ("android/app/debug.keystore", b"\xfe\xed\xfe\xed\0\0\0\2", False),
        ("client.p12", DER + b"\x02\x01\x03\x30\x82", True),
        ("key.der", DER + b"\x02\x01\x00\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\0", True),
        ("key.bin", DER + b"\x02\x01\x00\x02\x82\x01\x01", True),
        ("ca.der", DER + b"\x30\x82\x02\x8c\xa0\x03\x02\x01\x02", False),
        ("team.kdbx", b"\x03\xd9\xa2\x9a\x67\xfb", True),
        ("tests/key.der", DER + b"\x02\x01\x00\x02\x82\x01\x01", True),
    ],
)
def test_a_store_of_keys_is_told_by_its_first_bytes(path: str, data: bytes, *, told: bool) -> None:
    """A certificate is public, and so is the key that Android's tools make for everybody."""
    change = FileChange(path, FileStatus.ADDED, None, data + bytes(range(256)))
    hits = fire("SEC-002", change)
    assert bool(hits) is told
    assert all(hit.severity is Severity.LOW for hit in hits) is (not told or path.startswith("tests/"))
    commits = (PastCommit("c" * 40, (change,)), PastCommit("d" * 40, ()))
    passing = fire("SEC-002", file("a.txt", "", "{\n"), facts=ChangeFacts(commits=commits))
    assert bool(passing) is told


def test_a_state_that_a_later_commit_takes_away_is_told() -> None:
    """Whoever fetches the branch has it."""
    commits = (PastCommit("c" * 40, (file("terraform.tfstate", None, state()),)), PastCommit("d" * 40, ()))
    (hit,) = fire("SEC-002", file("a.json", None, "{\n}\n"), facts=ChangeFacts(commits=commits))
    assert "c" * 12 in hit.message


TOKEN: Final = "AKIA" + random_text(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


@pytest.mark.parametrize(
    ("path", "old_path", "severity"),
    [
        (f"keys/{TOKEN}.csv", None, [None]),
        (f"backup-{TOKEN}/notes.csv", None, [None]),
        (f"keys/{TOKEN}.csv", "keys/a.csv", [None]),
        (f"keys/{TOKEN}.csv", f"old/{TOKEN}.csv", []),
        (f"tests/{TOKEN}.json", None, [Severity.LOW]),
        ("keys/AKIAIOSFODNN7EXAMPLE.csv", None, []),
        (f"assets/{random_text(40)}.js", None, []),
    ],
)
def test_a_name_may_be_a_secret(path: str, old_path: str | None, severity: list[Severity | None]) -> None:
    """Of a file or of a folder: told once, and not repeated."""
    named = file(path, None if old_path is None else "a\n", "a\n", old_path)
    hits = fire("SEC-001", named, file(f"{path}/b", None, "b\n"))
    assert [hit.severity for hit in hits] == severity
    assert not any(TOKEN in hit.message for hit in hits)
    on_the_way = ChangeFacts(commits=(PastCommit("c" * 40, (named,)), PastCommit("d" * 40, ())))
    assert [hit.severity for hit in fire("SEC-001", file("a", None, "a\n"), facts=on_the_way)] == severity
