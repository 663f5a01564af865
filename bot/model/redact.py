"""Takes secrets out of text before it is kept, logged or shown: a program's stderr, an assistant's words, a report.

This is a net under texts that should hold no secret anyway, so it prefers to take too much. It works by shape (what the
providers document as their token formats) and by value for secrets that the caller knows.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

REDACTED: Final = "[redacted]"
_MIN_KNOWN: Final = 4
"""A known secret shorter than this is not searched for: it would blank out ordinary words."""

_TOKENS: Final = re.compile(
    r"""
      gh[opsur]_[A-Za-z0-9]{20,255}              # GitHub
    | github_pat_[A-Za-z0-9_]{20,255}
    | glpat-[A-Za-z0-9_-]{20,255}                # GitLab
    | (?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}        # AWS access key ids
    | sk-[A-Za-z0-9_-]{16,255}                   # OpenAI, Anthropic (sk-ant-...)
    | AIza[A-Za-z0-9_-]{30,255}                  # Google
    | ya29\.[A-Za-z0-9_-]{20,2000}
    | xox[abeoprs]-[A-Za-z0-9-]{10,255}          # Slack
    | npm_[A-Za-z0-9]{30,255}
    | pypi-[A-Za-z0-9_-]{40,2000}
    | hf_[A-Za-z0-9]{30,255}
    | [rs]k_(?:live|test)_[A-Za-z0-9]{16,255}    # Stripe
    | eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,4000}(?:\.[A-Za-z0-9_-]{0,2000})?  # JSON web tokens
    """,
    re.VERBOSE,
)
_KEY_BLOCK: Final = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)", re.DOTALL
)
_BEARER: Final = re.compile(r"(?i)\b(bearer|basic|token)(\s{1,3})[A-Za-z0-9._~+/=-]{12,}")
_URL_USER: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{1,20}://)[^\s/@:]{0,256}:[^\s/@]{1,256}@")
_ASSIGNED: Final = re.compile(
    r"""(?ix)
    ( [\w.-]{0,64} (?: password | passwd | secret | api[_-]?key | access[_-]?key | auth[_-]?token | private[_-]?key )
      [\w.-]{0,32} ["']? \s{0,3} (?: = | : | => ) \s{0,3} )
    (?!\[redacted\]) (?: "[^"\n]{4,} " | '[^'\n]{4,}' | [^\s"',;)\]}]{4,} )
    """
)


def redact(text: str, known: Collection[str] = ()) -> str:
    """``text`` with everything that looks like a credential, and every one of ``known``, replaced by ``[redacted]``.

    Redacting twice changes nothing more. Time grows linearly with the text.
    """
    for secret in sorted(known, key=len, reverse=True):
        if len(secret) >= _MIN_KNOWN:
            text = text.replace(secret, REDACTED)
    text = _KEY_BLOCK.sub(REDACTED, text)
    text = _TOKENS.sub(REDACTED, text)
    text = _URL_USER.sub(rf"\1{REDACTED}@", text)
    text = _BEARER.sub(rf"\1\2{REDACTED}", text)
    return _ASSIGNED.sub(rf"\1{REDACTED}", text)
