"""What is called a secret: one vocabulary for keys, variables, options and fields.

It is generous: what only may hold a secret counts. What says of itself that it holds none does not: a switch, a
reference to another place, the path of a file, a name that ends like ``..._FILE`` or ``secretName``. Detection wants to
be sure and asks :func:`surely_secret_name`, which is never true where :func:`secret_name` is not.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from bot.model.patterns import regex

_NAME: Final = regex(
    r"pass(word|wd|phrase|code|key)?s?\d*$|pass(word|wd|phrase)|pwd|secret|token(?!iz)|credential|mnemonic|authorization"
    r"|masterauth|htpasswd|netrc|pgpass|dockerc(onfigjson|fg)|connection[-_.]?string|webhook[-_.]?url|shared[-_.]?access"
    r"|(api|access|private|signing|encryption|master|account|shared|storage|license|ssh|deploy|auth|client|recovery|unseal"
    r"|secret)[-_.]?key|_key$|^(?-i:KEY)$"
    r"|(^|[-_.])(auth|dsn|pat|pin|otp|psk|pw|sk|salt|seed|cookie|jwt|hmac|creds?)([-_.]|$)|(^|[-_.])private$",
    re.IGNORECASE,
)
_NOT_NAME: Final = regex(
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
    r"\$\{[\w.-]+(?::?\?[^}]*|:?-)?\}|\$\([\w.-]+\)|\$\((?:cat |<)[^)]*\)|\$[A-Z_][A-Z0-9_]*+|\$[a-z]++(?>(?:_[a-z0-9]++)+)"
    r"|\{\{[^}]*\}\}|%\(\w+\)s|%[A-Z_]+%"
)
_HARMLESS: Final = regex(
    rf"(?>(?:(?:{_REFERENCE})[:/@_-]?+)+)"  # possessive: $A_$A_$A_… could be split in two ways at each underscore
    r"|(?i:true|false|yes|no|on|off|null|none|nil|~|\*+|required|optional|enabled|disabled|str|string|bool|integer|object"
    r"|read|write|inherit)"
    r"|(?:~|\.{1,2})?/(?:etc|run|var|opt|usr|home|mnt|app|data|tmp|srv|secrets?|config|certs?|tls|ssl|root|vault|proc|dev"
    r"|keys?|path)(?:/[\w.@-]+)*/?|\.{1,2}/[\w./-]+|vault:[\w./#-]+|(?:file|op|ssm|ref\+\w+)://[\w./#@-]+|arn:aws[\w:/.+=@-]+"
    r"|<[a-z][\w -]*>|(?:os\.environ|os\.getenv|process\.env|System\.getenv|getenv|ENV\[).*"
    r"|hmac-sha256:[0-9a-f]{8}|\(hidden\)?|\[?(?:hidden|redacted:[a-z-]+)\]?|\S{1,4}…\(\d{1,6}(?: characters\))?"
)
_WAY_OF_AUTH: Final = regex(
    r"basic|digest|bearer|token|ldap|oauth2?|oidc|jwt|md5|scram-sha-\d+|ntlm|kerberos|gssapi|plain|login|peer|trust|ident"
    r"|m?tls|ssl|x509|certificates?|internal|external|anonymous|default|cookie|iam|sso|saml|github|google",
    re.IGNORECASE,
)
_AUTH: Final = regex(r"(^|[-_.])auth(orization)?$", re.IGNORECASE)


_SURELY: Final = regex(
    r"(?:^|[^a-z0-9])(?:password|passwd|passphrase|secret|token|credentials?|"
    r"(?:api|access|secret|private|signing|encryption|master|account|storage|shared)[-_]?key)"
    r"(?:[-_](?:key|value|prod|live))?$|passw(?:or)?d$|(?:[a-z0-9][-_])(?:pass|pwd)$",
    re.IGNORECASE,
)
_LONGEST_NAME: Final = 200
_LONGEST_HARMLESS: Final = 2000


@lru_cache(maxsize=4096)
def secret_name(name: str) -> bool:
    """Whether something called ``name`` usually holds a secret (and not the name or the file of one)."""
    snake = _snake(name)
    return bool(_NAME.search(snake)) and not _NOT_NAME.search(snake)


def _snake(name: str) -> str:
    """``dbPassword`` as ``db_Password``, where words are told apart."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name[-_LONGEST_NAME:])


def surely_secret_name(name: str) -> bool:
    """Whether something called ``name`` hardly ever holds anything but a secret."""
    return bool(_SURELY.search(_snake(name))) and secret_name(name)


def holds_secret(name: str, value: str) -> bool:
    """Whether ``value`` is one that something called ``name`` keeps secret."""
    if not value or not secret_name(name) or harmless(value):
        return False
    return not (_AUTH.search(name) and _WAY_OF_AUTH.fullmatch(value))


def harmless(value: str) -> bool:
    """Whether ``value`` is no secret wherever it stands: a switch, a reference, the path of a file, a digest."""
    return len(value) <= _LONGEST_HARMLESS and bool(_HARMLESS.fullmatch(value.strip()))
