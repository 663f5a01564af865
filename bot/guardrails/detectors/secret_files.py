"""Files that hold secrets by what they are: Terraform's state, password files, stores of private keys. A part of SEC-002.

Sources: developer.hashicorp.com, "Manage sensitive data in your configuration" (state holds values in plain); Apache HTTP
Server documentation, "Password Formats"; crypt(5); RFC 7292 (PKCS #12), RFC 5208 (PKCS #8), RFC 8017 (PKCS #1); KeyStore of
the JDK (sun.security.provider.JavaKeyStore: magic 0xFEEDFEED, JceKeyStore: 0xCECECECE); KeePass (0x9AA2D903).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from bot.guardrails.anchors import Anchors, literal_bytes
from bot.guardrails.hunks import Delta
from bot.guardrails.rule import Hit
from bot.guardrails.structure import Documents, parsed
from bot.intake.lined_node import LinedNode
from bot.model.finding import FileStatus
from bot.model.patterns import regex
from bot.model.severity import Severity
from bot.secrecy.tokens import is_placeholder, masked
from bot.secrecy.vocabulary import surely_secret_name

_STATE: Final = regex(r"\.tfstate(?:\.backup)?\Z|\.tfstate\.\d{6,20}\.backup\Z")
_HASH: Final = regex(
    r"(?:\A|[\s\"'`,=])([\w.@+-]{1,64}):((?:\$\$?(?:apr1|1|2[abxy]?|5|6|7|y|argon2\w{0,2})\$\$?[^\s:\"'`]{8,200})|\{SHA\}[A-Za-z0-9+/=]{20,40})"
)
HASHED: Final = Anchors(literal_bytes(*(f":{dollar}{name}$" for dollar in ("$", "$$") for name in (
    "apr1", "1", "2a", "2b", "2x", "2y", "5", "6", "7", "y", "argon2i", "argon2d", "argon2id",
)), ":{SHA}"), exact=True)  # fmt: skip
"""A user and the hash of a password."""
_STORES: Final = (
    (b"\xfe\xed\xfe\xed", "Java key store"),
    (b"\xce\xce\xce\xce", "Java key store"),
    (b"\x03\xd9\xa2\x9a", "KeePass database"),
)
_DER: Final = regex(rb"\x30(?:\x82..|\x81.|[\x20-\x7f])")
_PKCS12: Final = b"\x02\x01\x03\x30"
_PRIVATE: Final = regex(
    rb"\x02\x01\x00(?:\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01|\x30.\x06\x07\x2a\x86\x48\xce\x3d\x02\x01|\x02\x82)"
)
_DEBUG: Final = regex(r"(^|/)debug\.keystore\Z")
"""What Android's tools make for everybody, with a password that is known."""


def secret_files(delta: Delta) -> Iterator[Hit]:
    """What the file is, where that alone says that it holds secrets; where examples live that is a remark."""
    if delta.status is FileStatus.REMOVED:
        return
    in_example = delta.is_test or delta.is_docs
    kinds = (*(_state(delta) if _STATE.search(delta.path) else ()), *_new_stores(delta))
    yield from (replace(hit, severity=Severity.LOW) for hit in kinds) if in_example else kinds
    for line in () if in_example else delta.net_new(_HASH.search, HASHED):
        if (match := _HASH.search(line.text)) is not None and not is_placeholder(match[2]):
            text = f"The hash of {match[1]}'s password is written here: whoever has it can try passwords undisturbed."
            yield Hit(
                delta.path, line.number, text, evidence=f"{match[1]}:{masked(match[2])}", anchor=f"hash:{match[2]}"
            )


def _new_stores(delta: Delta) -> Iterator[Hit]:
    """A store of keys that stands where none was."""
    kind = _store(delta.change.after or delta.change.sample)
    if kind is not None and _store(delta.change.before or b"") is None and not _DEBUG.search(delta.path):
        text = f"{delta.path} is a {kind}: whoever reads the repository has it."
        severe = kind == _KEY
        yield Hit(
            delta.path, 1, text, anchor=f"store:{delta.path}", severity=Severity.CRITICAL if severe else Severity.HIGH
        )


_KEY: Final = "private key"


def _store(data: bytes) -> str | None:
    """What a binary file keeps, by its first bytes."""
    for magic, kind in _STORES:
        if data.startswith(magic):
            return kind
    head = _DER.match(data[:8])
    if head is None:
        return None
    if data.startswith(_PKCS12, head.end()):
        return "store of keys (PKCS #12)"
    return _KEY if _PRIVATE.match(data, head.end()) else None


def _state(delta: Delta) -> Iterator[Hit]:
    """State that is new to the repository, and outputs that it newly holds in plain."""
    documents = delta.documents_after
    if delta.change.before is None or not _STATE.search(delta.old_path):
        text = "The state of Terraform holds every attribute in plain, secrets among them; it belongs into a remote backend."
        lineage = [node for document in parsed(documents)[:1] if (node := document.get("lineage")) is not None]
        yield Hit(delta.path, lineage[0].line if lineage else 1, text, anchor="state", severity=Severity.HIGH)
    before = _outputs(delta.documents_before)
    for name, node in _outputs(documents).items():
        if name not in before or before[name].raw != node.raw:
            text = f"The output {name} is in the state of Terraform in plain."
            yield Hit(
                delta.path, node.line, text, evidence=masked(node.raw), anchor=f"output:{name}", severity=Severity.HIGH
            )


def _outputs(documents: Documents) -> Mapping[str, LinedNode]:
    """The outputs that are called sensitive, or are by their name."""
    return {
        name: value
        for document in parsed(documents)[:1]
        for name, output in document.items("outputs")
        if (value := output.get("value")) is not None
        and isinstance(value.value, str)
        and value.raw
        and (output.having(True, "sensitive") is not None or surely_secret_name(name))
    }
