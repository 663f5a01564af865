"""What is a secret, by its name or by its look: one vocabulary for keys and variables, and for the text of configuration
files, commands and logs. Used by :mod:`bot.drift.masking` and by observers that compare themselves.

It is generous: a value that only may be a secret counts as one. What says of itself that it is none does not: a switch,
a reference to another place, the path of a file, a name that ends like ``..._FILE`` or ``secretName``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Final

_NAME: Final = re.compile(
    r"pass(word|wd|phrase|code|key)?s?\d*$|pass(word|wd|phrase)|pwd|secret|token(?!iz)|credential|mnemonic|authorization"
    r"|masterauth|htpasswd|netrc|pgpass|dockerc(onfigjson|fg)|connection[-_.]?string|webhook[-_.]?url|shared[-_.]?access"
    r"|(api|access|private|signing|encryption|master|account|shared|storage|license|ssh|deploy|auth|client|recovery|unseal"
    r"|secret)[-_.]?key|_key$|^(?-i:KEY)$"
    r"|(^|[-_.])(auth|dsn|pat|pin|otp|psk|pw|sk|salt|seed|cookie|jwt|hmac|creds?)([-_.]|$)|(^|[-_.])private$",
    re.IGNORECASE,
)
_NOT_NAME: Final = re.compile(
    r"(file|path|dir|name|ref|refs|mount|ttl|expir\w*|timeout|enabled?|disabled?|count|length|limit|size|type|alg\w*|"
    r"policy|namespace|seconds|minutes|hours|days|issuer|audience|url(?<!hook_url)|uri|endpoint|version|provider|class|"
    r"stdin)$"
    r"|(^|[-_.])(user|host|port|server|domain|method|mode|secure|samesite|httponly|max_?age|level|format|headers?|prefix"
    r"|scheme|realm|scopes?|interval|rotation|rate|bucket|prompt)$"
    r"|(^|[-_.])(topology|partition|sort|primary|foreign|public|pub|group|routing|label|annotation|object|index|shard|range"
    r"|remote|property|idempotency)_?key$"
    r"|(max|min|num|total|prompt|completion|input|output)[-_.]?tokens?$|auth_(basic|request\w*)$"
    r"|(^|[-_.])(by|com|tres)pass$|(proxy|fastcgi|uwsgi|scgi|grpc|memcached)_pass$",
    re.IGNORECASE,
)
_REFERENCE: Final = (
    r"\$\{[\w.-]+(?::?\?[^}]*|:?-)?\}|\$\([\w.-]+\)|\$\((?:cat |<)[^)]*\)|\$[A-Z_][A-Z0-9_]*|\$[a-z]+(?:_[a-z0-9]+)+"
    r"|\{\{[^}]*\}\}|%\(\w+\)s|%[A-Z_]+%"
)
_HARMLESS: Final = re.compile(
    rf"(?:(?:{_REFERENCE})[:/@_-]?)+"
    r"|(?i:true|false|yes|no|on|off|null|none|nil|~|\*+|required|optional|enabled|disabled|str|string|bool|integer|object)"
    r"|(?:~|\.{1,2})?/(?:etc|run|var|opt|usr|home|mnt|app|data|tmp|srv|secrets?|config|certs?|tls|ssl|root|vault|proc|dev"
    r"|keys?|path)(?:/[\w.@-]+)*/?|\.{1,2}/[\w./-]+|vault:[\w./#-]+|(?:file|op|ssm|ref\+\w+)://[\w./#@-]+|arn:aws[\w:/.+=@-]+"
    r"|<[a-z][\w -]*>|(?:os\.environ|os\.getenv|process\.env|System\.getenv|getenv|ENV\[).*"
    r"|hmac-sha256:[0-9a-f]{8}|\(hidden\)?|\[(?:hidden|redacted:[\w-]+)\]?"
)
_WAY_OF_AUTH: Final = re.compile(
    r"basic|digest|bearer|token|ldap|oauth2?|oidc|jwt|md5|scram-sha-\d+|ntlm|kerberos|gssapi|plain|login|peer|trust|ident"
    r"|m?tls|ssl|x509|certificates?|internal|external|anonymous|default|cookie|iam|sso|saml|github|google",
    re.IGNORECASE,
)
_AUTH: Final = re.compile(r"(^|[-_.])auth(orization)?$", re.IGNORECASE)


@lru_cache(maxsize=4096)
def secret_name(name: str) -> bool:
    """Whether something called ``name`` usually holds a secret (and not the name or the file of one)."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return bool(_NAME.search(snake)) and not _NOT_NAME.search(snake)


def holds_secret(name: str, value: str) -> bool:
    """Whether ``value`` is one that something called ``name`` keeps secret."""
    if not value or not secret_name(name) or harmless(value):
        return False
    return not (_AUTH.search(name) and _WAY_OF_AUTH.fullmatch(value))


def harmless(value: str) -> bool:
    """Whether ``value`` is no secret wherever it stands: a switch, a reference, the path of a file, a digest."""
    return bool(_HARMLESS.fullmatch(value.strip()))


_BARE: Final = r"(?:\$\{[^}\n]*\}|\$\([^)\n]*\)|\{\{[^}\n]*\}\}|<[a-z][\w -]*>|[^\s,;&\"'`})\]<>{=\[\\])"
_VALUE: Final = re.compile(
    rf"\\*\"(?P<value>[^\"\n\\]*)|\\*'(?P<value2>[^'\n\\]*)|(?P<value3>{_BARE}(?:{_BARE}|[=<>{{\[\"'\\](?=\S)){{0,500}})"
)
_KEY: Final = r"(?P<name>[A-Za-z_][\w.-]{0,100}?)"
_WORD: Final = rf"(?<![\w.-])-{{0,2}}{_KEY}"
_QUOTED: Final = r"\\*[\"']"
_LINE: Final = r"[^\n|;&]{0,200}?"


@dataclass(frozen=True, slots=True)
class _Look:
    """How a credential looks. A text without ``needle`` (in small letters) has none of it: most texts, told at once."""

    needle: str
    pattern: re.Pattern[str]

    def all(self, text: str, small: str) -> Iterator[re.Match[str]]:
        return self.pattern.finditer(text) if self.needle in small else iter(())


def _looks(flags: re.RegexFlag, *written: tuple[str, str]) -> tuple[_Look, ...]:
    return tuple(_Look(needle, re.compile(pattern, flags)) for needle, pattern in written)


_NAMES: Final = _looks(
    re.MULTILINE,
    # NAME=value, 'name' => 'value'; name: value, "name": "value"
    ("=", rf"{_WORD}(?:{_QUOTED})?\]?[ \t]*(?:=>|:=|\?=|=)[ \t]*(?:\[[ \t]*){{0,2}}"),
    (":", rf"{_WORD}(?:{_QUOTED}\]?[ \t]*:|[ \t]*:(?=[ \t]))[ \t]*(?:\[[ \t]*){{0,2}}"),
    # a YAML block or the next line
    (
        "\n",
        (
            rf"{_WORD}(?:{_QUOTED})?:[ \t]*(?:[|>][-+\d]*[ \t]*(?:#[^\n]*)?\n+[ \t]*(?:-[ \t]+)?"
            r"|\n[ \t]+(?:-[ \t]+)?(?![^\n]*:(?:\s|$))|\n[ \t]*-[ \t]+(?![^\n]*:(?:\s|$)))"
        ),
    ),
    # {name: NAME, value: value}, <add key="NAME" value="value">, define("NAME", "value")
    (
        "value",
        (
            rf"\b(?:name|key){_QUOTED}?\s*[=:]\s*(?:{_QUOTED})?{_KEY}(?:{_QUOTED})?[\s,]+(?:{_QUOTED})?value"
            rf"(?:{_QUOTED})?\s*[=:]\s*"
        ),
    ),
    ("(", rf"\(\s*{_QUOTED}{_KEY}{_QUOTED}\s*,\s*(?={_QUOTED})"),
)
_OPTIONS: Final = _looks(
    re.NOFLAG,
    (
        "-",
        (
            r"(?:^|(?<=[\s\"'=(\[,]))--?(?!no-|enable-|disable-|skip-)(?P<name>[A-Za-z][\w.-]{0,60})(?:[ \t]+|=)"
            r"(?P<value>\"[^\"\n]+\"|'[^'\n]+'|[^\s\"'-]\S*|-(?!-|\w(?:\s|\Z))\S+)"
        ),
    ),
)
_NAMES_WITH_VALUES: Final = _OPTIONS + _looks(
    re.MULTILINE,
    ("</", rf"<(?:[\w-]+:)?{_KEY}(?:\s[^<>\n]{{0,200}})?>\s*(?P<value>[^<\s][^<]*)</"),
    # a directive: one name and one value on the line
    (
        " ",
        (
            r"^[ \t]*(?:(?:setenv|SetEnv|ENV|env|export|set(?:[ \t]+-\w+)?)[ \t]+)?(?P<name>[a-z_][\w.-]{0,60}|[A-Z_0-9]{3,60})"
            r"[ \t]+(?P<value>\"[^\"\n]+\"|'[^'\n]+'|[^\s\"'=:{}][^\s{]*?)[ \t]*;?[ \t]*(?:#[^\n]*)?$"
        ),
    ),
)
_ARGUMENTS: Final = _looks(
    re.NOFLAG,
    ("-p", rf"\b(?:mysql\w*|mariadb[\w-]*|mycli|sshpass|7z[ar]?)\b{_LINE}[ \t\"']-p(?P<value>[^\s\"']+)"),
    (
        "-p",
        (
            r"\b(?:sshpass|mongo\w*|htpasswd|skopeo|cqlsh|influx|rabbitmqadmin|(?:docker|podman|nerdctl|helm|buildah|crane|oras"
            rf"|az|oc)[ \t][^\n|;&]{{0,80}}\blogin)\b{_LINE}[ \t]-p[ \t]*(?P<value>\S+)"
        ),
    ),
    ("-a", rf"\b(?:redis|valkey|keydb)-\w+\b{_LINE}[ \t]-a[ \t]*(?P<value>\S+)"),
    ("-w", rf"\bldap\w+\b{_LINE}[ \t]-w[ \t]*(?P<value>\S+)"),
    ("-p", rf"\b(?:zip|unzip|mosquitto_\w+|sqlcmd|bcp)\b{_LINE}[ \t]-P[ \t]*(?P<value>\S+)"),
    (
        "u",
        (
            r"(?:^|(?<=[\s\"']))(?:-[uU]|--user|--proxy-user)(?:[ \t]*|=)[\"']?[^\s:%\"'/=-][^\s:%\"'/=]*"
            r"[:%](?!\d{1,6}(?:\s|\Z))(?P<value>[^\s\"']+)"
        ),
    ),
    (
        "-p",
        (
            r"(?:^|(?<=[\s\"']))-p(?!rof|ort|ath|arallel|rovider|lugin|refix|retty|ublish|roto)"
            r"(?=[^\s=]*\d)(?=[^\s=]*[A-Za-z])(?P<value>[^\s=:/,\"']{5,})"
        ),
    ),
)
_SHAPES: Final = _looks(
    re.IGNORECASE | re.MULTILINE,
    (
        "://",
        rf"://[^\s/:@\"']{{0,200}}:(?!\d{{1,5}}[/?#])(?!(?:{_REFERENCE})@)(?P<value>[^\s@\"'<>]{{1,500}})@",
    ),
    (
        "://",
        r"\b(?:git\+)?(?:https?|ftps?)://(?!(?:git|user|anonymous|oauth2)@)(?!\$)(?P<value>[^\s/:@\"'<>{]{1,500})@",
    ),
    ("-----begin", r"(?P<value>-----BEGIN [A-Z ]*PRIVATE KEY(?:[^-]|-(?!----END))*)"),
    ("_", r"\b(?P<value>gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|[sr]k_(?:live|test)_\w{16,}|npm_\w{30,})"),
    ("-", r"\b(?P<value>glpat-[\w-]{16,}|xox[abprs]-[\w-]{10,}|sk-[A-Za-z0-9_-]{20,}|pypi-[\w-]{30,})"),
    (".", r"\b(?P<value>hvs\.[\w-]{20,}|SG\.[\w-]{16,}\.[\w-]{16,}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]*)"),
    ("a", r"\b(?P<value>A(?:KIA|SIA)[A-Z0-9]{16}|AIza[\w-]{30,})"),
    ("hooks.slack", r"\bhooks\.slack\.com/(?:services|workflows)/(?P<value>[\w/-]{10,})"),
    ("/webhooks/", r"\bdiscord(?:app)?\.com/api/webhooks/\d+/(?P<value>[\w-]+)"),
    ("bearer", r"\bBearer\s+(?P<value>(?!auth|realm|token)[\w.~+/-]{8,}=*)"),
    ("basic", r"\bBasic\s+(?=\S*(?:\d|=|(?-i:[a-z]\S*[A-Z])))(?P<value>[\w+/-]{8,}=*)"),
    ("$", r"(?P<value>\$(?:2[abxy]|apr1|1|5|6|y|argon2\w*|pbkdf2[\w-]*)\$[\w./,=+$-]{10,})"),
    ("sig", r"[?&](?:sig|signature|x-amz-signature)=(?P<value>[^\s&\"']+)"),
    ("auths", r"(?P<value>\\?[\"']auths\\?[\"']\s*:\s*\{)"),
    # name:value without a space is also how an image or an address is written
    (":", r"(?<![\w./@-])[\w-]{0,60}(?:pass(?:word|wd|phrase)?|pwd):(?!/|\s|\$|\{\{)(?P<value>[^\s\"']{2,})"),
    (
        ":",
        (
            r"(?<![\w./@-])[\w-]{0,60}(?:secret|token|(?:api|access|private)[-_]?key):(?!v?\d+[.-]|latest|/|\$|\{\{)"
            r"(?P<value>[^\s\"':]{8,})"
        ),
    ),
    # netrc, HAProxy, SQL, Redis ACL, pgpass
    (" ", r"\b(?:login|user|username|account)[ \t]+\S+[ \t]+(?:insecure-)?pass(?:word|wd)?[ \t]+(?P<value>\S+)"),
    ("auth", r"\bauth[ \t]+[^\s:]+:(?P<value>[^\s\"'/]+)$"),
    (
        " ",
        r"\b(?:password|identified[ \t]+(?:with[ \t]+\S+[ \t]+)?(?:by|as))[ \t]+(?P<value>'[^'\n]+'|\"[^\"\n]+\")",
    ),
    (">", r"^[ \t]*user[ \t]+\S+[^\n]*[ \t]>(?P<value>\S+)"),
    (":", r"^[^:\s]+:(?:\d+|\*):[^:\s]+:[^:\s]+:(?P<value>[^:\s]+)$"),
)


def looks_secret(text: str) -> bool:
    """Whether the text itself carries a credential."""
    return next(credentials(text), None) is not None


def credentials(text: str) -> Iterator[tuple[int, int]]:
    """Where credentials stand in ``text``, as (start, end), in no order; they may overlap."""
    small = text.lower().replace("\t", " ")
    for name, (start, end) in _named(text, small):
        if end - start > 1 and holds_secret(name, _bare(text[start:end])):
            yield start, end
    yield from _shown_by(text, small, (*_ARGUMENTS, *_SHAPES))


def _named(text: str, small: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """What ``text`` gives to a secret name: the name, and where the value stands."""
    for look in _NAMES:
        for found in look.all(text, small):
            if secret_name(found["name"]) and (value := _VALUE.match(text, found.end())) is not None:
                yield found["name"], value.span(value.lastgroup or 0)
    for look in _NAMES_WITH_VALUES:
        yield from ((found["name"], found.span("value")) for found in look.all(text, small))


def _shown_by(text: str, small: str, looks: Iterable[_Look]) -> Iterator[tuple[int, int]]:
    for look in looks:
        for found in look.all(text, small):
            if not harmless(_bare(found["value"])):
                yield found.span("value")


def secret_arguments(words: list[str]) -> set[int]:
    """Which of the words of one command are secrets, by the option before them or the program that takes them."""
    line = " ".join(words)
    small = line.lower()
    spans = [*_shown_by(line, small, _ARGUMENTS)]
    for look in _OPTIONS:
        spans += (at.span("value") for at in look.all(line, small) if holds_secret(at["name"], _bare(at["value"])))
    starts = accumulate((len(word) + 1 for word in words), initial=0)
    return {
        index
        for index, (start, word) in enumerate(zip(starts, words, strict=False))
        if any(begin < start + len(word) and start < end for begin, end in spans)
    }


def _bare(value: str) -> str:
    return value.strip("\"'")
