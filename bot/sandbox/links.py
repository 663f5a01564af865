"""The addresses that answers name: one place knows where the API, the pages and the git endpoint are."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Links:
    """Built from the server's root, e.g. ``http://127.0.0.1:8123``; the API lies below ``/api/v3`` as on GHES."""

    root: str

    @property
    def api(self) -> str:
        """The REST root."""
        return f"{self.root}/api/v3"

    def repo(self, full_name: str, path: str = "") -> str:
        """A REST address below one repository."""
        return f"{self.api}/repos/{full_name}{path}"

    def user(self, login: str) -> str:
        """A user's REST address."""
        return f"{self.api}/users/{quote(login)}"

    def page(self, full_name: str, path: str = "") -> str:
        """A page for people."""
        return f"{self.root}/{full_name}{path}"

    def git(self, full_name: str) -> str:
        """What to clone, without credentials."""
        return f"{self.root}/{full_name}.git"
