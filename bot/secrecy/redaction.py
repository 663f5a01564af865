"""Text with credentials taken out. Used before anything is shown, stored, or given to an assistant.

Redaction is greedier than detection: what only looks like a credential is taken out as well.
"""

from __future__ import annotations

import re
from typing import Final

from bot.secrecy.providers import MASKED, compiled

_PEM: Final = re.compile(
    r"(-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----)(?s:.{1,12000}?)(-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----|\Z)"
)
_URL: Final = re.compile(r"(\b[a-z][a-z0-9+.\-]{1,20}://)([^\s/:@'\"<>]{0,120}):([^\s/@'\"<>]{1,300})@")
_ASSIGNED: Final = re.compile(
    r"(?i)([\w.\-]{0,40}(?:passwo?r?d|passwd|secret|token|api[_\-]?key|access[_\-]?key|private[_\-]?key|credential|client[_\-]?secret)"
    r"[\w.\-]{0,20}[\"']?\s{0,5}[:=]\s{0,5})"
    r"(\"[^\"\n]{4,500}\"|'[^'\n]{4,500}'|(?![\"'$&*{(\[|>])[^\s\"',;]{6,500})"
)
_NAMED: Final = re.compile(r"(?i)passw|secret|token|key|credential")
_BEARER: Final = re.compile(r"(?i)\b(bearer|basic|token)(\s{1,3})([A-Za-z0-9+/_.\-~=]{16,2000})")
_TEMPLATED: Final = re.compile(r"\$\{|\$\(|\{\{|<[a-z_\- ]+>|^\$\w+$|os\.environ|process\.env|getenv")


def redact(text: str) -> str:
    """``text`` with known credentials, private keys, passwords in URLs and secret-like assignments replaced.

    What replaces them names the kind: ``[redacted:github-token]``. Line breaks stay, so line numbers stay, and so does
    what is masked already.
    """
    text = _PEM.sub(_pem, text)
    lowered = text.lower()
    for provider, pattern in compiled():
        if any(word in lowered for word in provider.keywords) and provider.entropy:
            text = pattern.sub(f"[redacted:{provider.id}]", text)
    text = _URL.sub(_password, text)
    text = _BEARER.sub(r"\1\2[redacted:token]", text)
    return "\n".join(_ASSIGNED.sub(_value, line) if _NAMED.search(line) else line for line in text.split("\n"))


def _pem(found: re.Match[str]) -> str:
    return found[1] + "[redacted:private-key]" + "\n" * found[0].count("\n") + found[2]


def _password(found: re.Match[str]) -> str:
    if _TEMPLATED.search(found[3]):
        return found[0]
    return f"{found[1]}{found[2]}:[redacted:password]@"


def _value(found: re.Match[str]) -> str:
    value = found[2]
    quote = value[0] if value[0] in "\"'" else ""
    masked = MASKED.match(found.string, found.start(2) + len(quote))
    if masked is not None and masked.end() >= found.end() - len(quote):
        return found[0]
    if _TEMPLATED.search(value) or value.strip("\"'").startswith("[redacted:"):
        return found[0]
    return f"{found[1]}{quote}[redacted:secret]{quote}"
