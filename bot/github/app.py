"""A GitHub App as identity: tokens of its installation, renewed before they expire, and the login it acts as.

The app proves itself by a JSON Web Token that its private key signs, ten minutes at most and dated a minute back against
clocks that differ (docs.github.com, "Generating a JSON Web Token (JWT) for a GitHub App"); for that it gets a token that
lasts an hour ("Generating an installation access token for a GitHub App"). Made by wiring; used for the API and for Git.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Final

from pydantic import AwareDatetime, Field

from bot import escape
from bot.errors import Closed, Invalid, Unavailable
from bot.github import payloads
from bot.github.limits import asked_wait
from bot.github.payloads import PayloadPart
from bot.ports import Clock
from bot.trust import web_authorities

_WEB_TOKEN: Final = timedelta(minutes=9)
_SKEW: Final = timedelta(minutes=1)
_LEFT: Final = timedelta(minutes=5)
"""A token that expires sooner is renewed: what begins with it may take as long."""
_SECONDS: Final = 20.0


class _TokenPart(PayloadPart):
    token: Annotated[str, Field(min_length=1)]
    expires_at: AwareDatetime


class _InstallationPart(PayloadPart):
    id: int


class _AppPart(PayloadPart):
    slug: Annotated[str, Field(min_length=1)]


class AppConnection:
    """An app's own requests, which its web token proves. Nothing of it shows the key."""

    def __init__(self, app: int | str, private_key: str, *, api_url: str, clock: Clock) -> None:
        """``app`` is the app's id or client id, ``private_key`` a PEM."""
        self._app = str(app)
        self._key = private_key
        self._api_url = api_url.rstrip("/")
        self.clock = clock

    def __repr__(self) -> str:
        return f"AppConnection({self._app})"

    def login(self) -> str:
        """The account that the app acts as: its slug and ``[bot]``."""
        return f"{payloads.read(_AppPart, self.ask('GET', '/app')).slug}[bot]"

    def new_token(self, installation: int, body: Mapping[str, object] | None = None) -> tuple[str, datetime]:
        """A new token of an installation, and when it expires."""
        part = payloads.read(_TokenPart, self.ask("POST", f"/app/installations/{installation}/access_tokens", body))
        return part.token, part.expires_at

    def ask(
        self, verb: str, path: str, body: Mapping[str, object] | None = None, *, token: str | None = None
    ) -> object:
        """The reply to one request, proven by ``token`` instead of the web token where one is given.

        ``Unavailable`` for 5xx, limits and no reply, ``Closed`` for other errors.
        """
        import httpx

        headers = {"Accept": "application/vnd.github+json", "Authorization": f"Bearer {token or self._web_token()}"}
        try:
            answer = httpx.request(
                verb,
                f"{self._api_url}{path}",
                headers=headers,
                json=body,
                verify=web_authorities(),
                timeout=_SECONDS,
                follow_redirects=True,
            )
            data: object = answer.json()
        except httpx.HTTPError as exc:
            raise Unavailable(f"GitHub did not answer {verb} {path}: {type(exc).__name__}") from exc
        except ValueError as exc:
            raise Unavailable(f"GitHub answered {verb} {path} with something that is not JSON") from exc
        message = escape.line(str(data.get("message", "")) if isinstance(data, dict) else "")
        headers = {key.lower(): value for key, value in answer.headers.items()}
        if (wait := asked_wait(answer.status_code, headers, message, self.clock.now())) is not None:
            raise Unavailable(f"GitHub asks to wait {wait:.0f} s before {verb} {path}: {message}", retry_after=wait)
        if answer.status_code >= 500:
            raise Unavailable(f"GitHub answered {verb} {path} with {answer.status_code}")
        if answer.status_code >= 400:
            raise Closed(
                f"GitHub answered {verb} {path} with {answer.status_code}: {message}",
                advice="Check the GitHub App: its id, its private key, and that it is installed there and not suspended.",
            )
        return data

    def _web_token(self) -> str:
        import jwt

        now = self.clock.now()
        claims = {
            "iat": int((now - _SKEW).timestamp()),
            "exp": int((now + _WEB_TOKEN).timestamp()),
            "iss": self._app,
        }
        try:
            return jwt.encode(claims, self._key, algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError):
            # Not chained: the reason may quote the key.
            raise Invalid(
                "the private key of the GitHub App is none that can sign (PEM, RSA)",
                advice="Put the downloaded .pem, with its line breaks, into the variable that its private_key_env names.",
            ) from None


class AppTokens:
    """Tokens of one installation of one app. Nothing of it shows the key or a token."""

    def __init__(
        self,
        app: int | str,
        private_key: str,
        *,
        api_url: str,
        full_name: str,
        clock: Clock,
        installation: int | None = None,
    ) -> None:
        """``app`` is the app's id or client id, ``full_name`` the repository by which its installation is found where
        ``installation`` names none.
        """
        self._connection = AppConnection(app, private_key, api_url=api_url, clock=clock)
        self._name = full_name
        self._named = installation
        self._installation = installation
        self._token = ""
        self._expires: datetime | None = None
        self._login = ""

    def __repr__(self) -> str:
        return f"AppTokens({self._connection!r})"

    def token(self) -> str:
        """A token that is good for minutes at least. ``Closed`` when the app is not known or not installed there."""
        if self._expires is None or self._expires - self._connection.clock.now() < _LEFT:
            if self._installation is None:
                reply = self._connection.ask("GET", f"/repos/{self._name}/installation")
                self._installation = payloads.read(_InstallationPart, reply).id
            self._token, self._expires = self._connection.new_token(self._installation)
        return self._token

    def forget(self) -> None:
        """GitHub did not take the token: it was revoked, with its installation perhaps. The next is a new one."""
        self._expires, self._installation = None, self._named

    def login(self) -> str:
        """The account that the app acts as: its slug and ``[bot]``."""
        if not self._login:
            self._login = self._connection.login()
        return self._login
