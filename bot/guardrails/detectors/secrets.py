"""SEC-001..003: credentials that were written into a file.

What counts as a secret is :mod:`bot.secrecy`'s answer; a detector only asks for more certainty, so nothing that is
reported here is shown anywhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from operator import itemgetter
from typing import Final

from bot.guardrails import classify
from bot.guardrails.anchors import Anchors, literal_bytes
from bot.guardrails.classify import is_yaml_or_json
from bot.guardrails.detectors.encoded import ENCODED, EncodedText, encoded, runs, values
from bot.guardrails.detectors.joined import ASSIGNED, ESCAPED, MET, PREFIXES_BEGUN, JoinedText, joined_texts
from bot.guardrails.detectors.past_commits import INDEX, FinalFiles, in_commit, occurrences, pieces
from bot.guardrails.detectors.secret_files import HASHED, secret_files
from bot.guardrails.detectors.secret_places import FORMS, looks_random, secret_places
from bot.guardrails.hunks import Delta, DiffLine
from bot.guardrails.rule import Hit, PastCommit, Subject
from bot.model.finding import FileChange, FileStatus
from bot.model.patterns import regex
from bot.model.severity import Severity
from bot.secrecy.credentials import credentials
from bot.secrecy.providers import TokenProvider
from bot.secrecy.scan import scan
from bot.secrecy.tokens import BY_NEEDLE, NEEDLES, is_placeholder, is_real, masked
from bot.secrecy.vocabulary import surely_secret_name

_BASE64: Final = regex(r"[A-Za-z0-9+/=\s\"'\\|n,]{24,}|Proc-Type:|Version:|Comment:")


_AFTER_RUN: Final = r"\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27}"
"""What follows the first part of a Discord bot's token, which is long enough to be a run of base64."""


def _token_anchors(provider: TokenProvider) -> Anchors:
    """What a line holds that may have a credential of the provider: where prefixes are known, all of it behind one."""
    if provider.prefixes:
        return Anchors(literal_bytes(*provider.prefixes), exact=True, at=provider.pattern)
    if provider.keywords == (".",):
        return Anchors(behind=_AFTER_RUN)
    return Anchors(literal_bytes(*provider.keywords))


_BY_ANCHORS: Final = {_token_anchors(BY_NEEDLE[needle.id]): index for index, needle in enumerate(NEEDLES)}


def secret_known(subject: Subject) -> Iterable[Hit]:
    """SEC-001: a credential of a known provider, also in base64. Where examples live it is a remark."""
    removed = _Removed(subject)
    for delta in subject.deltas:
        for line, provider, token in _tokens(delta):
            yield from _token_hits(removed, delta, line, provider, token)
    for delta in subject.deltas:
        for encoded_text in encoded(delta):
            yield from _decoded(removed, delta, encoded_text)
        for joined, provider, token in _pieced(delta):
            if not removed.holds_line(joined.line):
                yield from _token_hits(removed, delta, joined.line, provider, token, suffix=_IN_PIECES)
    yield from _in_names(subject)
    yield from _on_the_way(subject, removed)


_NAMED: Final = tuple(needle for needle in NEEDLES if (row := BY_NEEDLE[needle.id]).prefixes and row.entropy > 0)
"""What a path is searched for: credentials that nothing else looks like."""


def _in_names(subject: Subject) -> Iterator[Hit]:
    """Credentials in names of files and folders that the change, or a commit of it, brings: each once, and never shown."""
    sources: list[tuple[PastCommit | None, FileChange]] = [(None, file) for file in subject.change.files]
    sources += [(commit, file) for commit in subject.facts.commits for file in commit.files]
    new = [source for source in sources if source[1].status in {FileStatus.ADDED, FileStatus.RENAMED}]
    removed_files = (file for file in subject.change.files if file.status in {FileStatus.REMOVED, FileStatus.RENAMED})
    old_tokens = {match.text for match in scan(_NAMED, [file.old_path or file.path for file in removed_files])}
    told_tokens: set[str] = set()
    for match in scan(_NAMED, [file.path for _, file in new]):
        provider, (commit, file) = BY_NEEDLE[_NAMED[match.needle].id], new[match.line]
        delta = subject.delta(file)
        doubtful = delta.is_test or delta.is_docs
        was_there = match.text in old_tokens or match.text in (file.old_path or "")
        if match.text in told_tokens or was_there or not is_real(provider, match.text, doubtful_place=doubtful):
            continue
        told_tokens.add(match.text)
        location = "" if commit is None else f" in commit {commit.sha[:12]}, and the history keeps it"
        text = f"{provider.with_article} is the name of a file or folder{location}: {masked(match.text)}."
        anchor = f"{provider.id}:{match.text}"
        yield Hit(None, None, text, anchor=anchor, severity=Severity.LOW if provider.weak or doubtful else None)


def _tokens(delta: Delta) -> Iterator[tuple[DiffLine, TokenProvider, str]]:
    """The credentials of known providers on added lines, each once a line."""
    matches = [
        (line.number, index, line, token)
        for index, lines in delta.lines_by_owner(_BY_ANCHORS)
        for line in lines
        for token in occurrences(index, line.text)
    ]
    for _, index, line, token in sorted(matches, key=itemgetter(0, 1)):
        yield line, BY_NEEDLE[NEEDLES[index].id], token


_IN_PIECES: Final = " in pieces, which hides nothing"


def _pieced(delta: Delta) -> Iterator[tuple[JoinedText, TokenProvider, str]]:
    """The credentials that literals come to, each once."""
    told_texts: set[str] = set()
    whole_tokens: dict[tuple[str, int], frozenset[str]] = {}
    texts = [(joined, piece) for joined in joined_texts(delta) for piece in pieces(joined.text)]
    for match in scan(NEEDLES, [piece for _, piece in texts]):
        provider, (joined, piece) = BY_NEEDLE[NEEDLES[match.needle].id], texts[match.line]
        if provider.entropy == 0:
            continue
        key = joined.written, match.needle
        if key not in whole_tokens:
            whole_tokens[key] = frozenset(occurrences(match.needle, joined.written))
        for token in occurrences(match.needle, piece):
            if token not in told_texts and token not in whole_tokens[key]:
                told_texts.add(token)
                yield joined, provider, token


class _Removed:
    """What a change takes away. Each provider's credentials in it are looked for once, however many are added."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._cache: dict[str, frozenset[str]] = {}

    def holds_token(self, provider: TokenProvider, token: str) -> bool:
        """Whether the credential was only moved: it is in a removed line too, and not a generic header."""
        if token.startswith("-----BEGIN"):
            return False
        if provider.id not in self._cache:
            index = INDEX[provider.id]
            self._cache[provider.id] = frozenset(
                token for line in self._lines() for token in occurrences(index, line.text)
            )
        return token in self._cache[provider.id]

    def holds_run(self, candidate: str) -> bool:
        """The same of a text in base64."""
        if "" not in self._cache:
            self._cache[""] = frozenset(run for line in self._lines() for run in runs(line.text))
        return candidate in self._cache[""]

    def holds_line(self, line: DiffLine) -> bool:
        """The same of a whole line."""
        if "\n" not in self._cache:
            self._cache["\n"] = frozenset(removed_line.normal for removed_line in self._lines())
        return line.normal in self._cache["\n"]

    def _lines(self) -> Iterator[DiffLine]:
        return (line for delta in self._subject.deltas for line in delta.removed)


def _on_the_way(subject: Subject, removed: _Removed) -> Iterator[Hit]:
    """Credentials that one commit writes and a later one takes away again: whoever fetches the branch has them."""
    told_texts: set[str] = set()
    final = FinalFiles(subject)
    for commit in subject.facts.commits:
        for delta in map(subject.delta, commit.files):
            for credential_text, hits in _passed(removed, final, delta):
                if credential_text not in told_texts:
                    told_texts.add(credential_text)
                    yield from (in_commit(final, commit, hit) for hit in hits)


def _passed(removed: _Removed, final: FinalFiles, delta: Delta) -> Iterator[tuple[str, Iterator[Hit]]]:
    """The credentials of a commit's file that are gone in the end, with what is told of each."""
    for line, provider, token in _tokens(delta):
        if not final.holds_token(provider, token):
            yield token, _token_hits(removed, delta, line, provider, token)
    for encoded_text in encoded(delta):
        if not final.holds_run(encoded_text.written):
            yield encoded_text.written, _decoded(removed, delta, encoded_text)
    for joined, provider, token in _pieced(delta):
        line_text = joined.line.text.strip()
        if not final.holds_line(line_text):
            yield line_text, _token_hits(removed, delta, joined.line, provider, token, suffix=_IN_PIECES)


def _passing(subject: Subject, find: Callable[[Delta], Iterable[Hit]]) -> Iterator[Hit]:
    """What ``find`` says of a commit and of a line that a later one takes away again."""
    if not subject.facts.commits:
        return
    final = FinalFiles(subject)
    removed_texts = {line.normal for delta in subject.deltas for line in delta.removed}
    for commit in subject.facts.commits:
        for delta in map(subject.delta, commit.files):
            for hit in () if delta.is_foreign else find(delta):
                lines = delta.after_lines
                line_text = lines[(hit.line or 1) - 1].strip() if lines else hit.anchor or ""
                line = " ".join(line_text.split())
                if line not in removed_texts and not final.holds_line(line_text):
                    removed_texts.add(line)
                    yield in_commit(final, commit, replace(hit, anchor=hit.anchor or line))


def _token_hits(
    removed: _Removed, delta: Delta, line: DiffLine, provider: TokenProvider, token: str, *, suffix: str = ""
) -> Iterator[Hit]:
    doubtful = delta.is_test or delta.is_docs or delta.is_foreign
    if not is_real(provider, token, doubtful_place=doubtful):
        return
    checked = provider.checksum is not None and provider.checksum(token)
    if classify.is_lock(delta.path) and not checked and _HASHED.search(line.text):
        return
    if removed.holds_token(provider, token) or not _has_body(provider, delta, line):
        return
    yield Hit(
        delta.path,
        line.number,
        f"{provider.with_article} is written here{suffix}.",
        evidence=token if provider.entropy == 0 else masked(token),
        anchor=f"{provider.id}:{token}",
        severity=Severity.LOW if provider.weak or (doubtful and not checked) else None,
    )


_HASHED: Final = regex(r"sha\d|integrity|checksum|hash|resolved|digest|h1:", re.IGNORECASE)
"""What a line of a lock file holds whose random text is a digest, in which anything may stand by chance."""


def _decoded(removed: _Removed, delta: Delta, encoded_text: EncodedText) -> Iterator[Hit]:
    """The credentials that a text in base64 holds, the first real one of each provider on a line of it."""
    if removed.holds_run(encoded_text.written):
        return
    doubtful = delta.is_test or delta.is_docs or delta.is_foreign
    for line in encoded_text.text.split("\n"):
        for index in sorted({match.needle for match in scan(NEEDLES, pieces(line))}):
            provider = BY_NEEDLE[NEEDLES[index].id]
            if any(is_real(provider, token, doubtful_place=doubtful) for token in occurrences(index, line)):
                yield Hit(
                    delta.path,
                    encoded_text.line,
                    f"{provider.with_article} is written here in base64, which hides nothing.",
                    evidence=masked(encoded_text.written),
                    anchor=f"{provider.id}:{encoded_text.written}",
                    severity=Severity.LOW if provider.weak or doubtful else None,
                )


def _has_body(provider: TokenProvider, delta: Delta, line: DiffLine) -> bool:
    """A PEM header counts only with key material behind it: code that looks for headers is quiet."""
    if provider.id != "private-key":
        return True
    key_kind = line.text.partition("-----BEGIN")[2].partition("KEY")[2]
    following = delta.after_lines[line.number : line.number + 4]
    return len(key_kind) > 60 or any(_BASE64.fullmatch(text.strip()) for text in following)


_NAMES: Final = literal_bytes(
    "password", "passwd", "passphrase", "pass", "pwd", "secret", "token", "credential",
    *(f"{owner_word}{dash}key" for owner_word in (
        "api", "access", "secret", "private", "signing", "encryption", "master", "account", "storage", "shared",
    ) for dash in ("", "-", "_")),
)  # fmt: skip
_BLANK: Final = r"[ \t\x0b\x0c\r\x1c-\x1f\x80-\xff]*"
"""White space; beyond ASCII it is any bytes."""
_ASSIGNED: Final = rf"s?(?:[-_](?:key|value|prod|live))?\\{{0,3}}[\"']?{_BLANK}(?::=|=>|=|:){_BLANK}"
"""Between a name that is a secret's and its literal."""
_ASSIGNED_NAMES: Final = Anchors(_NAMES, behind=_ASSIGNED + r"(?:\\{0,3}[\"'`]|[A-Za-z0-9!@#$%^&*+/_~.\-]{12})")
_KEY: Final = r"(?<![A-Za-z0-9])([A-Za-z0-9][A-Za-z0-9_.\-]{0,120}+)\\{0,3}[\"']?\s{0,8}"
_PATTERNS: Final = (
    regex(_KEY + r"(?::=|=>|=|:)\s{0,8}(\\{0,3}[\"'`])((?:(?!\2)[^\\\n]){8,1000})\2"),
    regex(_KEY + r"[=:]\s{0,8}()([A-Za-z0-9!@#$%^&*+/_~.\-]{12,1000})={0,2}\s*\Z"),
)
"""A quoted literal, whose quotes may be escaped as in JSON within a text, and a bare one for the languages that have such."""
_SHORTEST: Final = 8
_BARE_LITERALS: Final = frozenset({"ini", "yaml", "dockerfile", "shell"})


def secret_generic(subject: Subject) -> Iterable[Hit]:
    """SEC-002: something that is named a secret is given a random literal."""
    for delta in subject.written:
        yield from _kept_secrets(delta)
    yield from _passing(subject, _kept_secrets)


def _kept_secrets(delta: Delta) -> Iterator[Hit]:
    yield from _generic_secrets(delta)
    yield from secret_files(delta)


def _generic_secrets(delta: Delta) -> Iterator[Hit]:
    if delta.is_test or delta.is_docs or delta.language == "css":
        return
    if is_yaml_or_json(delta.path):
        yield from _given_away(delta)
    for line, (name, value) in _literals(delta):
        yield Hit(
            delta.path,
            line.number,
            f"{name} is set to a literal that looks like a real secret.",
            evidence=f"{name} = {masked(value)}",
        )


def _literals(delta: Delta) -> Iterator[tuple[DiffLine, tuple[str, str]]]:
    """Names and literals: of assignments, and on other lines of what names them otherwise."""
    told_lines: set[int] = set()
    if delta.language != "html":
        generic = partial(_generic, _PATTERNS if delta.language in _BARE_LITERALS else _PATTERNS[:1])
        for line in delta.net_new(generic, _ASSIGNED_NAMES):
            told_lines.add(line.number)
            yield from ((line, name_value) for name_value in generic(line.text))
    for secret_place in secret_places(delta):
        for line in delta.net_new(secret_place.find, secret_place.anchors):
            if line.number not in told_lines and secret_place.counts(delta, line):
                told_lines.add(line.number)
                yield from ((line, name_value) for name_value in secret_place.find(line.text))


def _given_away(delta: Delta) -> Iterator[Hit]:
    """Values of a Kubernetes Secret: base64 is not encryption, whatever the value looks like."""
    if not _names_secret(delta):
        return
    before = {(value.secret, value.key): value.text for value in values(delta.documents_before)}
    lines = {line.number for line in delta.added}
    for value in values(delta.documents_after):
        if before.get((value.secret, value.key)) == value.text or value.line not in lines or not _is_kept(value.text):
            continue
        yield Hit(
            delta.path,
            value.line,
            f"Secret {value.secret} says {value.key} to whoever reads the repository.",
            evidence=f"{value.key}: {masked(value.text)}",
            anchor=f"secret:{value.secret}/{value.key}",
        )


def _names_secret(delta: Delta) -> bool:
    """Whether some object may be a Secret; a backslash may write any letter."""
    return delta.after is not None and ("Secret" in delta.after or "\\" in delta.after)


def _is_kept(value: str) -> bool:
    """Whether the value is one that somebody keeps to themselves: no placeholder, default or text to be filled in."""
    one_line = "\n" not in value.strip()
    return (
        len(value) >= _SHORTEST
        and one_line
        and not (_DULL.search(value) or is_placeholder(value))
        and looks_random(value)
    )


def _generic(patterns: Sequence[re.Pattern[str]], text: str) -> tuple[tuple[str, str], ...]:
    """The names and literals of the assignments on the line that look like those of real secrets, each once."""
    hidden = _Hidden(text)
    matches = (match for pattern in patterns for match in _overlapping(pattern, text, 3))
    return tuple(
        dict.fromkeys(
            (match[1], match[3])
            for match in matches
            if surely_secret_name(match[1]) and looks_random(match[3]) and hidden.covers(*match.span(3))
        )
    )


def _overlapping(pattern: re.Pattern[str], text: str, outer_group: int) -> Iterator[re.Match[str]]:
    """The matches, also those that begin in the group ``outer_group`` of another match: what it holds may be one itself."""
    at = 0
    while (match := pattern.search(text, at)) is not None:
        yield match
        at = max(match.start(outer_group), match.start() + 1)


class _Hidden:
    """What redaction takes out of a line: a finding must not be about what every other room would show.

    A long line is redacted block by block, with what stands around each.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._cache: dict[int, Sequence[tuple[int, int]]] = {}

    def covers(self, start: int, end: int) -> bool:
        """Whether all from ``start`` to ``end`` is taken out."""
        for first, last in self._spans(start // _BLOCK):
            if first <= start < last:
                start = last
        return start >= end

    def _spans(self, block: int) -> Sequence[tuple[int, int]]:
        if block not in self._cache:
            low = max(block * _BLOCK - _AROUND, 0)
            spans = credentials(self._text[low : (block + 1) * _BLOCK + _AROUND])
            self._cache[block] = sorted((low + span.start, low + span.end) for span in spans)
        return self._cache[block]


_BLOCK: Final = 4000
_AROUND: Final = 1200
_URL: Final = regex(r"\b([a-z][a-z0-9+.\-]{1,20})://([^\s/:@'\"<>(){}|]{1,80}):([^\s/:@'\"<>]{3,120})@([\w.\-]{1,200})")
_ADDRESS: Final = Anchors(literal_bytes("://"), behind=r"[^\s/:@'\"<>(){}|]+:[^\s/:@'\"<>]{3}")
_DULL: Final = regex(
    r"^(pass(word|wd)?|pw|pwd|secret|user(name)?|token|guest|root|admin|test(ing)?|changeme|postgres|mysql|redis|rabbitmq|"
    r"tiger|[a-z]*(?:token|key|secret|passw(?:or)?d|code|id)|example|foo|bar|baz|x+|\*+|\.+|p@ss|hunter2|dummy|fake|none|my-?(pass|secret).*|your.*|some.*)\d{0,4}$|[$%<>{}\[\]*]|:$",
    re.IGNORECASE,
)
_ENCODED_LETTER: Final = regex(r"%[0-9A-Fa-f]{2}")
_EXAMPLE_HOST: Final = regex(
    r"(^|\.)(example\.(com|org|net)|example|test|invalid|localhost)$|^host(name)?$|^127\.|^0\.0\.0\.0", re.IGNORECASE
)


def credential_in_url(subject: Subject) -> Iterable[Hit]:
    """SEC-003: a password inside a URL, also where a lock file says from where something is taken."""
    for delta in subject.deltas:
        if not delta.is_foreign or classify.is_lock(delta.path):
            yield from _passwords_in_urls(delta)
    yield from _passing(subject, _passwords_in_urls)


def _passwords_in_urls(delta: Delta) -> Iterator[Hit]:
    if delta.is_test or delta.is_docs:
        return
    for line in delta.net_new(_without_passwords, _ADDRESS):
        for url in _without_passwords(line.text):
            yield Hit(delta.path, line.number, "A URL carries a password.", evidence=url)


def _without_passwords(text: str) -> tuple[str, ...]:
    """The URLs on the line that carry real passwords, without them, each once."""
    return tuple(dict.fromkeys(_urls(text))) if "://" in text else ()


def _urls(text: str) -> Iterator[str]:
    hidden = _Hidden(text)
    for match in _overlapping(_URL, text, 4):
        user, password, host = match[2], match[3], match[4]
        if (
            _DULL.search(_ENCODED_LETTER.sub("_", password))
            or _EXAMPLE_HOST.search(host)
            or password.lower() == user.lower()
            or "$" in user
        ):
            continue
        if not is_placeholder(password) and hidden.covers(*match.span(3)):
            yield f"{match[1]}://{user}:…@{host}"


ANCHORS: Final = (
    *_BY_ANCHORS,
    ENCODED,
    PREFIXES_BEGUN,
    MET,
    ASSIGNED,
    ESCAPED,
    HASHED,
    _ASSIGNED_NAMES,
    _ADDRESS,
    *(secret_place.anchors for secret_place in FORMS),
)
"""What lines are searched for here."""
