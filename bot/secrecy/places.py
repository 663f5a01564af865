"""Places in which only a credential stands, whoever made it: files of tools, headers, options, connection strings.

A part of :mod:`bot.secrecy.providers`. What stands there is one only if it looks made by a machine, or like somebody's
password; a reference to a variable never matches.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from bot.model.patterns import regex
from bot.secrecy.provider import START, TokenProvider, shaped

_QUOTE: Final = r"[\"'`]?"
_DULL: Final = regex(
    r"(?:my|your|the|some|test|user|admin|root|guest|dummy|fake)?[-_.]?(?:pass(?:word|wd)?|pwd|secret|token|key|auth)[-_.\d]*",
    re.IGNORECASE,
)


def _random(value: str) -> bool:
    """Whether it has letters and digits, as what is generated has and words have not."""
    return any(map(str.isdigit, value)) and any(map(str.isalpha, value)) and _DULL.fullmatch(value) is None


def _user_and_password(value: str) -> bool:
    """Whether it is base64 of ``user:password``."""
    try:
        user, colon, password = base64.b64decode(value + "=" * (-len(value) % 4), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return False
    return bool(user and colon) and len(password) >= 6 and user != password and _random(password)


CONTEXTUAL: Final[tuple[TokenProvider, ...]] = (
    shaped(
        "npmrc-credential",
        "npm registry credential",
        r"^\s{0,8}(?://[\w.\-/:@]{1,200}:)?_(?:authToken|auth|password)\s{0,4}=\s{0,4}[\"']?([A-Za-z0-9+/_.\-]{16,400}={0,2})",
        "_authtoken|_auth|_password",
        "https://docs.npmjs.com/cli/v11/configuring-npm/npmrc",
        generous=r"_(?:authToken|auth|password)\s{0,4}=\s{0,4}[\"']?([A-Za-z0-9+/_.\-]{16,}+=*+)",
        accepts=_random,
    ),
    shaped(
        "netrc-password",
        "password of a .netrc",
        START
        + r"machine[ \t]{1,20}[\w.\-]{1,200}[ \t]{1,20}login[ \t]{1,20}[\w.@\-]{1,100}[ \t]{1,20}password[ \t]{1,20}"
        r"([\w!@#%^&*+/=~.\-]{8,200})",
        "machine |machine\t",
        "https://www.gnu.org/software/inetutils/manual/html_node/The-_002enetrc-file.html",
        entropy=2.5,
        accepts=_random,
    ),
    shaped(
        "heroku-uuid",
        "Heroku key",
        START
        + r"[Hh][Ee][Rr][Oo][Kk][Uu]_?(?:[Aa][Pp][Ii]_?)?(?:[Kk][Ee][Yy]|[Tt][Oo][Kk][Ee][Nn])[\"']?\s{0,4}[:=]\s{0,4}"
        rf"{_QUOTE}([0-9a-f]{{8}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{12}})",
        "heroku",
        "gitleaks:heroku-api-key",
        generous=r"(?i:heroku_?(?:api_?)?(?:key|token))\\{0,7}[\"']?\s{0,4}[:=]\s{0,4}\\{0,7}[\"'`]?"
        r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})",
    ),
    shaped(
        "docker-auth",
        "registry login of Docker",
        r"[\"']auth\\{0,7}[\"']\s{0,8}:\s{0,8}\\{0,7}[\"']([A-Za-z0-9+/]{12,1000}={0,2})",
        "auth\"|auth'|auth\\",
        "https://docs.docker.com/reference/cli/docker/login/",
        accepts=_user_and_password,
    ),
    shaped(
        "authorization-bearer",
        "token in an Authorization header",
        rf"[Aa]uthorization{_QUOTE}\s{{0,4}}[:=,]\s{{0,4}}{_QUOTE}(?:[Bb]earer|[Tt]oken|[Aa]pi[Kk]ey)\s{{1,4}}"
        r"([A-Za-z0-9_~+/.\-]{20,2000}={0,2})",
        "authorization",
        "https://www.rfc-editor.org/rfc/rfc6750#section-2.1",
        entropy=3.5,
        accepts=_random,
    ),
    shaped(
        "authorization-basic",
        "login in an Authorization header",
        rf"[Aa]uthorization{_QUOTE}\s{{0,4}}[:=,]\s{{0,4}}{_QUOTE}[Bb]asic\s{{1,4}}([A-Za-z0-9+/]{{12,400}}={{0,2}})",
        "authorization",
        "https://www.rfc-editor.org/rfc/rfc7617#section-2",
        accepts=_user_and_password,
    ),
    shaped(
        "api-key-header",
        "key in a header",
        START
        + rf"[Xx]-(?:[Aa][Pp][Ii]-?[Kk]ey|[Aa]uth-[Tt]oken|[Aa]ccess-[Tt]oken){_QUOTE}\s{{0,4}}[:=,]\s{{0,4}}{_QUOTE}"
        r"([A-Za-z0-9_.\-]{20,200})",
        "x-api|x-auth|x-access",
        "gitleaks:curl-auth-header",
        entropy=3.5,
        accepts=_random,
    ),
    shaped(
        "curl-user",
        "password for curl",
        START + r"curl[ \t][ \w:/.,=@?\"'\-]{0,300}(?:-u|-U|--user|--proxy-user)[ =]{0,3}[\"']?[\w.@+\-]{1,100}:"
        r"([\w!@#%^&*+/=~.\-]{8,200})",
        "curl |curl\t",
        "gitleaks:curl-auth-user",
        entropy=2.5,
        generous=START + r"curl[ \t][^\n|;&]{0,300}?(?:-u|-U|--user|--proxy-user)[ =]{0,3}[\"']?[\w.@+\-]{1,100}:"
        r"([\w!@#%^&*+/=~.\-]{8,}+)",
        accepts=_random,
    ),
    shaped(
        "connection-string",
        "password of a connection string",
        START
        + r"(?:[Ss]erver|[Dd]ata [Ss]ource|[Hh]ost|[Uu]ser [Ii][Dd]|[Uu]id|UID|[Uu]sername)=[\w.,:@\\\- ()/]{1,200};"
        r"[\w.,:=;@\\\- ()/]{0,300}(?:[Pp]assword|[Pp]wd|PWD)=([\w!@#%^&*+/~.\-]{8,200})",
        "password=|pwd=",
        "https://learn.microsoft.com/en-us/dotnet/api/system.data.sqlclient.sqlconnection.connectionstring",
        entropy=2.5,
        accepts=_random,
    ),
    shaped(
        "url-password",
        "password in a URL",
        START + r"[a-z][a-z0-9+.\-]{1,20}://:([\w!#%^&*+=~.\-]{8,200})@[A-Za-z0-9]",
        "://:",
        "https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1",
        entropy=2.5,
        generous=r"://:([\w!#%^&*+=~.\-]{8,}+)@",
        accepts=_random,
    ),
)
