"""SEC-001..003: credentials that were written into a file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from typing import Final

from bot.guardrails import classify
from bot.guardrails.hunks import Delta, DiffLine
from bot.guardrails.rule import Hit, Subject
from bot.model.drift import Severity
from bot.secrecy.providers import BY_NEEDLE, NEEDLES, TokenProvider, entropy, is_placeholder, is_real, masked
from bot.secrecy.scan import scan

_ROTATE: Final = "Revoke it now: it stays in the history. Then read it from a secret store or the environment."
_BASE64: Final = re.compile(r"[A-Za-z0-9+/=\s\"'\\|n,]{24,}|Proc-Type:|Version:|Comment:")


def secret_known(subject: Subject) -> Iterable[Hit]:
    """SEC-001: a credential of a known provider."""
    places = [(delta, line) for delta in subject.deltas if not classify.is_vendored(delta.path) for line in delta.added]
    for match in scan(NEEDLES, [line.text for _, line in places]):
        delta, line = places[match.line]
        provider = BY_NEEDLE[NEEDLES[match.needle].id]
        if not is_real(provider, match.text, doubtful_place=delta.is_test or delta.is_docs):
            continue
        if classify.is_lock(delta.path) and provider.checksum is None:
            continue
        if _was_there(subject, match.text) or not _has_body(provider, delta, line):
            continue
        yield Hit(
            delta.path,
            line.number,
            f"{provider.one} is written here.",
            evidence=match.text if provider.entropy == 0 else masked(match.text),
            suggestion=_ROTATE,
            anchor=f"{provider.id}:{match.text}",
            severity=Severity.LOW if provider.weak else None,
        )


def _was_there(subject: Subject, token: str) -> bool:
    """Whether the change only moves the credential: it is in a removed line too, and not a generic header."""
    if token.startswith("-----BEGIN"):
        return False
    return any(token in line.text for delta in subject.deltas for line in delta.removed)


def _has_body(provider: TokenProvider, delta: Delta, line: DiffLine) -> bool:
    """A PEM header counts only with key material behind it: code that looks for headers is quiet."""
    if provider.id != "private-key":
        return True
    rest = line.text.partition("-----BEGIN")[2].partition("KEY")[2]
    following = delta.after_lines[line.number : line.number + 4]
    return len(rest) > 60 or any(_BASE64.fullmatch(text.strip()) for text in following)


_KEY: Final = (
    r"(?i)(?<![a-z0-9])((?:[a-z0-9]{1,24}[_\-.]){0,4}"
    r"(?:password|passwd|passphrase|secret|api[_\-]?key|apikey|access[_\-]?key|auth[_\-]?token|access[_\-]?token|"
    r"secret[_\-]?key|private[_\-]?key|client[_\-]?secret|credentials?|token)(?:[_\-](?:key|value|prod|live))?)[\"']?\s{0,8}"
)
_GENERIC: Final = re.compile(_KEY + r"(?::=|=>|=|:)\s{0,8}([\"'`])((?:(?!\2)[^\\\n]){8,200})\2")
_GENERIC_BARE: Final = re.compile(_KEY + r"[=:]\s{0,8}()([A-Za-z0-9!@#$%^&*+/_~.\-]{12,200})\s*\Z")
_NO_SECRET: Final = re.compile(
    r"\$\{|\$\(|\{\{|<%|%\(|%s|\{[a-z_.]*\}|^<.*>$|^\$[A-Za-z_]|^%[A-Z_]+%$|os\.|process\.|getenv|env\[|ENV\[|secrets\.|"
    r"vault:|ref\+|op://|arn:|^https?://|^/|^\./|^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$|"
    r"password|passwd|secret|token|change|example|test|dummy|sample|todo|none|null|true|false|default|redacted|placeholder|"
    r"^[\w.]+\.[\w.]+\(|\(\)|^sha(1|256|512)[-:]|\s.*\s",
    re.IGNORECASE,
)


def secret_generic(subject: Subject) -> Iterable[Hit]:
    """SEC-002: something that is named a secret is given a random literal."""
    for delta in subject.written:
        if delta.is_test or delta.is_docs or delta.language in {None, "html", "css"}:
            continue
        for line in delta.net_new(partial(_is_generic, delta)):
            name, value = _generic(delta, line) or ("", "")
            yield Hit(
                delta.path,
                line.number,
                f"{name} is set to a literal that looks like a real secret.",
                evidence=f"{name} = {masked(value)}",
                suggestion=_ROTATE,
            )


def _is_generic(delta: Delta, line: DiffLine) -> bool:
    return _generic(delta, line) is not None


def _generic(delta: Delta, line: DiffLine) -> tuple[str, str] | None:
    if len(line.text) > 1000:
        return None
    found = _GENERIC.search(line.text)
    if found is None and delta.language in {"ini", "yaml", "dockerfile", "shell"}:
        found = _GENERIC_BARE.search(line.text)
    if found is None:
        return None
    value = found[3]
    if _NO_SECRET.search(value) or is_placeholder(value) or entropy(value) < 3.5:
        return None
    mixed = sum(bool(re.search(kind, value)) for kind in ("[a-z]", "[A-Z]", "[0-9]", "[^A-Za-z0-9]"))
    hexadecimal = re.fullmatch(r"[0-9a-f]{24,}", value) is not None
    return (found[1], value) if (mixed >= 3 or hexadecimal) and re.search("[0-9]", value) else None


_URL: Final = re.compile(
    r"\b([a-z][a-z0-9+.\-]{1,20})://([^\s/:@'\"<>(){}|]{1,80}):([^\s/:@'\"<>]{3,120})@([\w.\-]{1,200})"
)
_DULL: Final = re.compile(
    r"^(pass(word|wd)?|pw|pwd|secret|user(name)?|token|guest|root|admin|test(ing)?|changeme|postgres|mysql|redis|rabbitmq|"
    r"example|foo|bar|baz|x+|\*+|\.+|p@ss|hunter2|dummy|fake|none|my-?(pass|secret).*|your.*|some.*)\d{0,4}$|[$%<>{}\[\]*]|:$",
    re.IGNORECASE,
)
_EXAMPLE_HOST: Final = re.compile(
    r"(^|\.)(example\.(com|org|net)|example|test|invalid|localhost)$|^host(name)?$|^127\.|^0\.0\.0\.0", re.IGNORECASE
)


def credential_in_url(subject: Subject) -> Iterable[Hit]:
    """SEC-003: a password inside a URL."""
    for delta in subject.written:
        if delta.is_test or delta.is_docs:
            continue
        for line in delta.net_new(lambda line: _in_url(line.text) is not None):
            found = _in_url(line.text)
            assert found is not None  # noqa: S101 net_new only yields lines that match
            yield Hit(
                delta.path,
                line.number,
                "A URL carries a password.",
                evidence=f"{found[1]}://{found[2]}:…@{found[4]}",
                suggestion=_ROTATE,
            )


def _in_url(text: str) -> re.Match[str] | None:
    if "://" not in text or len(text) > 4000:
        return None
    for found in _URL.finditer(text):
        user, password, host = found[2], found[3], found[4]
        if _DULL.search(password) or _EXAMPLE_HOST.search(host) or password.lower() == user.lower() or "$" in user:
            continue
        if is_placeholder(password):
            continue
        return found
    return None
