"""Turns values into pages: escapes, hides and shortens what comes from outside, and says what a browser may do with a page."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from bot.escape import visible
from bot.model.wording import second
from bot.secrecy.redaction import redact_tokens
from bot.shipped import folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    import jinja2
    from markupsafe import Markup
    from starlette.requests import Request
    from starlette.responses import Response

_LONGEST: Final = 400
_PARTS: Final = re.compile(r"[^./:@,-]+[./:@,-]*|[./:@,-]+")
_REFRESH: Final = range(5, 3601)
"""Seconds after which a page may read itself again where nobody runs its script."""


def page(request: Request, template: str, values: Mapping[str, object], *, status: int = 200) -> Response:
    """The answer to a request for a page. Raises as :func:`rendered`."""
    from starlette.responses import HTMLResponse

    refresh_text = request.query_params.get("refresh", "")
    refresh = (
        int(refresh_text)
        if refresh_text.isascii() and refresh_text.isdigit() and int(refresh_text[:6]) in _REFRESH
        else None
    )
    text = rendered(template, **{"refresh": refresh, "path": request.url.path, **values})
    return HTMLResponse(text, status_code=status, headers=headers())


def rendered(template: str, **values: object) -> str:
    """A page of ``templates/pages``. ``stamp`` and ``events`` default to a page that stays as it is."""
    defaults = {"stamp": "", "events": "", "refresh": None, "path": "/"}
    return _environment().get_template(f"{template}.html.j2").render({**defaults, **values})


@lru_cache(maxsize=1)
def headers() -> Mapping[str, str]:
    """What a browser may do with a page: run the one script, read it again, send its form, and nothing else."""
    style, script = _digest(_text("style.css")), _digest(_text("live.js"))
    policy = (
        f"default-src 'none'; style-src {style}; script-src {script}; connect-src 'self'; img-src data:; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    )
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "X-Robots-Tag": "noindex",
    }


def _digest(text: str) -> str:
    """A source expression that allows exactly this text (CSP Level 3, section 2.3.1, ``hash-source``)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _text(name: str) -> str:
    return (folder("templates") / "pages" / name).read_text("utf-8")


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    import jinja2
    from markupsafe import Markup

    def shown_text(value: object) -> object:
        """Text of others without what hides, turns round or cannot be sent; what is markup is ours."""
        return value if isinstance(value, Markup) else visible(str(value))

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder("templates") / "pages"),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        finalize=shown_text,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"moment": moment, "short": short, "value": value, "quoted": _quoted, "parted": _parted}
    environment.tests["web"] = is_web
    environment.globals.update(style=Markup(_text("style.css")), script=Markup(_text("live.js")))  # noqa: S704 - our own files
    return environment


def is_web(address: object) -> bool:
    """Whether it leads to a page, and to nothing that a browser would carry out."""
    return isinstance(address, str) and address.startswith(("https://", "http://"))


def moment(text: str | None) -> str:
    """A time as people read it; a dash for none."""
    return "–" if not text else second(datetime.fromisoformat(text))


def short(text: object) -> str:
    """One line of at most 400 characters, cut in the middle, so that both ends stay."""
    return _cut(" ".join(str(text).split()), _LONGEST)


def value(datum: object) -> str:
    """A value on one line of at most 120 characters, cut in the middle."""
    text = "absent" if datum is None else datum if isinstance(datum, str) else json.dumps(datum, ensure_ascii=False)
    return _cut(" ".join(text.split()), 120)


def _parted(text: str) -> Markup:
    """A path, an address or the name of an image, which a narrow column breaks after its parts (HTML Standard, 4.5.27,
    ``wbr``) and not within a word.
    """
    from markupsafe import Markup

    return Markup("<wbr>").join(_PARTS.findall(visible(text)))


def _quoted(text: str) -> str:
    """As a part of an address, which shows no token either."""
    return quote(redact_tokens(text), safe="", errors="replace")


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit * 3 // 5]} … {text[-limit // 3 :]}"
