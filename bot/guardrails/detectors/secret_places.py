"""Where a secret stands that no assignment names: behind an option of a command, beside the name of its entry, in an element.

What an option means is known to :mod:`bot.secrecy.credentials`, which redacts the same; here it has to look random, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import log2
from typing import Final, TypeAlias

from bot.guardrails.anchors import Anchors, literal_bytes
from bot.guardrails.hunks import Delta, DiffLine
from bot.model.dataclass import dataclass
from bot.model.patterns import regex
from bot.secrecy.credentials import credentials
from bot.secrecy.scan import MAX_LINE
from bot.secrecy.tokens import entropy, is_placeholder
from bot.secrecy.vocabulary import surely_secret_name

_Named: TypeAlias = tuple[tuple[str, str], ...]
"""Names and values."""

_NO_SECRET: Final = regex(
    r"\$\{|\$\(|\{\{|<%|%\(|%s|\{[a-z_.]*\}|^<.*>$|^\$[A-Za-z_]|^%[A-Z_]+%$|os\.|process\.|getenv|env\[|ENV\[|secrets\.|"
    r"^ENC\[|vault:|ref\+|op://|arn:|^https?://|^/|^\./|^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$|"
    r"password|passwd|secret|token|change|example|test|dummy|sample|todo|none|null|true|false|default|redacted|placeholder|"
    r"^[\w.]+\.[\w.]+\(|\(\)|^sha(1|256|512)[-:]|\s.*\s|^Ag[A-D][A-Za-z0-9+/]{300}",
    re.IGNORECASE,
)
"""What is no secret: among it what kubeseal encrypted, which begins with the two bytes of a length (sealed-secrets,
pkg/crypto/crypto.go, ``HybridEncrypt``).
"""


_BITS: Final = 3.5
"""Bits of entropy per character from which on a value is random. A short one cannot have as many: log2 of its length is all."""
_SHARE: Final = 0.85


def looks_random(value: str) -> bool:
    """Whether the value is no placeholder and has the characters of what is generated."""
    if (
        not value
        or _NO_SECRET.search(value)
        or is_placeholder(value)
        or entropy(value) < min(_BITS, log2(len(value)) * _SHARE)
    ):
        return False
    mixed = sum(bool(re.search(kind, value)) for kind in ("[a-z]", "[A-Z]", "[0-9]", "[^A-Za-z0-9]"))
    hexadecimal = re.fullmatch(r"[0-9a-f]{24,}", value) is not None
    return (mixed >= 3 or hexadecimal) and re.search("[0-9]", value) is not None


@dataclass(frozen=True, slots=True)
class SecretPlace:
    """``find`` gives the names and values on a line that holds ``anchors``; ``counts`` asks what stands around it."""

    anchors: Anchors
    find: Callable[[str], _Named]
    counts: Callable[[Delta, DiffLine], bool]


def _anywhere(_delta: Delta, _line: DiffLine) -> bool:
    return True


_OPTION: Final = regex(r"(?:^|[\s\"'=:`(])(--?[\w.-]{1,60}|\w{3,60})[ \t=]*+[\"']?\Z")


def _of_command(names: re.Pattern[str], text: str) -> _Named:
    """Values of options, and of variables before a command, on a line with one of ``names``."""
    line = text[:MAX_LINE]
    if names.search(line) is None:
        return ()
    name_values = (
        (match[1], value)
        for span in credentials(line)
        if span.kind in {"password", "secret"}
        and looks_random(value := line[span.start : span.end].strip("\"'"))
        and (match := _OPTION.search(line[: span.start])) is not None
    )
    return tuple(dict.fromkeys(name_values))


_KEY: Final = r"\A\s{0,80}(?:-\s{1,8})?[\"']?%s[\"']?:\s{0,8}"
_LINE_VALUE: Final = regex(_KEY % "value" + r"([\"']?)([^\s\"'#]{8,200})\1,?\s{0,8}(?:#.*)?\Z", re.IGNORECASE)
_LINE_NAME: Final = regex(_KEY % "name" + r"[\"']?([\w.\-]{3,100})[\"']?,?\s{0,8}\Z", re.IGNORECASE)
_ENTRY: Final = regex(
    r"\bname[\"']?\s{0,4}:\s{0,4}[\"']?([\w.\-]{3,100})[\"']?\s{0,4},\s{0,4}[\"']?value[\"']?:\s{0,4}"
    r"([\"']?)([^\s\"',}]{8,200})\2",
    re.IGNORECASE,
)


def _of_entry(text: str) -> _Named:
    """Both on one line."""
    return tuple(
        (match[1], match[3])
        for match in _ENTRY.finditer(text[:MAX_LINE])
        if surely_secret_name(match[1]) and looks_random(match[3])
    )


def _below_name(text: str) -> _Named:
    """The value alone; which name it has stands beside it."""
    match = _LINE_VALUE.match(text[:MAX_LINE])
    return (("The entry", match[2]),) if match is not None and looks_random(match[2]) else ()


def _is_named(delta: Delta, line: DiffLine) -> bool:
    """Whether the line above or below is the name of the same entry, and a secret's."""
    near: Sequence[str] = delta.after_lines[max(line.number - 2, 0) : line.number + 1]
    return any(
        surely_secret_name(match[1])
        for nearby_line in near
        if (match := _LINE_NAME.match(nearby_line[:300])) is not None
    )


_NAMES: Final = ("password", "passwd", "passphrase", "secret", "token", "credential", "key")
_ELEMENT: Final = regex(
    rf"<(?:\w{{1,30}}:)?([\w.\-]{{0,60}}(?:{'|'.join(_NAMES)}))>\s{{0,8}}([^<>\s]{{8,200}})\s{{0,8}}</",
    re.IGNORECASE | re.ASCII,
)


def _of_element(text: str) -> _Named:
    return tuple(
        (match[1], match[2])
        for match in _ELEMENT.finditer(text[:MAX_LINE])
        if surely_secret_name(match[1]) and looks_random(match[2])
    )


_INSTRUCTION: Final = regex(
    r"\A\s{0,80}(?:ENV|ARG|env|arg)\s{1,8}([A-Za-z_]\w{2,100})\s{1,8}[\"']?([^\s\"'=#]{8,1000})[\"']?\s{0,8}\Z"
)
_DEFAULT: Final = regex(r"\A\s{0,80}default\s{0,80}=\s{0,8}\"([^\"\\\s]{8,1000})\"")
_VARIABLE: Final = regex(r"\A\s{0,8}variable\s{1,8}\"?([\w-]{3,100})\"?\s{0,8}\{")
_LOGIN: Final = regex(r"(?:\A|\s)password\s{1,20}(\S{8,200})")
_MOST_LINES: Final = 20


def _of_instruction(text: str) -> _Named:
    """The older form of ENV (docs.docker.com, "Dockerfile reference"), which has no sign between name and value."""
    match = _INSTRUCTION.match(text[:MAX_LINE])
    is_secret = match is not None and surely_secret_name(match[1]) and looks_random(match[2])
    return ((match[1], match[2]),) if match is not None and is_secret else ()


def _of_variable(text: str) -> _Named:
    """A default; whose it is stands above."""
    match = _DEFAULT.match(text[:MAX_LINE])
    return (("The default of the variable", match[1]),) if match is not None and looks_random(match[1]) else ()


def _is_variables(delta: Delta, line: DiffLine) -> bool:
    """Whether the block around the line is that of a variable with a secret's name."""
    for line_above in reversed(delta.after_lines[max(line.number - _MOST_LINES, 0) : line.number - 1]):
        if line_above.startswith("}"):
            return False
        if (match := _VARIABLE.match(line_above[:300])) is not None:
            return surely_secret_name(match[1])
    return False


def _of_login(text: str) -> _Named:
    return tuple(("password", match[1]) for match in _LOGIN.finditer(text[:MAX_LINE]) if looks_random(match[1]))


def _commands(*names: str) -> SecretPlace:
    pattern = regex("|".join(map(re.escape, names)), re.IGNORECASE | re.ASCII)
    return SecretPlace(Anchors(literal_bytes(*names)), partial(_of_command, pattern), _anywhere)


_COMMANDS: Final = _commands("sshpass", "mysql", "mariadb", "redis-", " login ", "ldap", "sqlcmd", "mongo")
_OPTIONS: Final = _commands(*(f"{name}{sign}" for name in ("password", "passwd", "passphrase") for sign in " ="))
_VALUE: Final = Anchors(literal_bytes("value:", 'value":', "value':"))
_ENTRIES: Final = SecretPlace(_VALUE, _of_entry, _anywhere)
_VALUES: Final = SecretPlace(_VALUE, _below_name, _is_named)
_ELEMENTS: Final = SecretPlace(Anchors(literal_bytes(*(f"{name}>" for name in _NAMES))), _of_element, _anywhere)
_INSTRUCTIONS: Final = SecretPlace(
    Anchors(literal_bytes("env ", "arg "), behind=r"[ \w]*(?:password|passwd|passphrase|secret|token|key|credential)"),
    _of_instruction,
    _anywhere,
)
_VARIABLES: Final = SecretPlace(Anchors(literal_bytes("default"), behind='[ \t]*=[ \t]*"'), _of_variable, _is_variables)
_LOGINS: Final = SecretPlace(Anchors(literal_bytes("password ", "password\t")), _of_login, _anywhere)
_NETRC: Final = (".netrc", "_netrc")
FORMS: Final = (_COMMANDS, _OPTIONS, _ENTRIES, _VALUES, _ELEMENTS, _INSTRUCTIONS, _VARIABLES, _LOGINS)


def secret_places(delta: Delta) -> Iterator[SecretPlace]:
    """The places that a file may have, by its language."""
    if delta.language in {"shell", "dockerfile", "yaml"}:
        yield from (_COMMANDS, _OPTIONS)
    if delta.language in {"yaml", "json"}:
        yield from (_ENTRIES, _VALUES)
    if delta.path.endswith(".xml"):
        yield _ELEMENTS
    if delta.language == "dockerfile":
        yield _INSTRUCTIONS
    if delta.language == "hcl":
        yield _VARIABLES
    if delta.path.endswith(_NETRC):
        yield _LOGINS
