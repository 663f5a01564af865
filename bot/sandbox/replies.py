"""What an endpoint answers, and the ways it says no, in GitHub's own shapes. Every module of the sandbox uses it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Json: TypeAlias = "None | bool | int | float | str | Sequence[Json] | Mapping[str, Json]"
JsonObject: TypeAlias = Mapping[str, Json]

DOCS = "https://docs.github.com/rest"


@dataclass(frozen=True, slots=True)
class ApiReply:
    """A JSON answer. ``content`` None with status 204 or 304 means an empty body; ``raw`` wins over ``content``."""

    content: Json = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None


class ApiProblem(Exception):
    """An error answer: ``message``, optional ``errors`` and ``documentation_url``, as GitHub words them."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: Sequence[Json] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def reply(self) -> ApiReply:
        """This problem as the answer a client sees."""
        content: dict[str, Json] = {"message": self.message}
        if self.errors:
            content["errors"] = self.errors
        content |= {"documentation_url": DOCS, "status": str(self.status)}
        return ApiReply(content, self.status, self.headers)


class Moved(Exception):
    """The repository has another name by now; whoever answers sends the caller on to the repository with this id."""

    def __init__(self, repo_id: int) -> None:
        super().__init__(repo_id)
        self.repo_id = repo_id


def not_found() -> ApiProblem:
    """404, also for what the caller may not see."""
    return ApiProblem(404, "Not Found")


def forbidden(message: str) -> ApiProblem:
    """403 with GitHub's sentence."""
    return ApiProblem(403, message)


def unprocessable(message: str, *errors: Json) -> ApiProblem:
    """422 with a sentence of its own (refs, merges)."""
    return ApiProblem(422, message, errors=errors)


def not_supplied(*names: str) -> ApiProblem:
    """422 for fields that are missing in a request."""
    quoted = ", ".join(f'"{name}"' for name in names)
    return unprocessable(f"Invalid request.\n\n{quoted} {'wasn' if len(names) == 1 else 'weren'}'t supplied.")


def invalid(resource: str, field: str, code: str, message: str | None = None) -> ApiProblem:
    """422 "Validation Failed" with one structured error. ``code``: missing_field, invalid, already_exists, custom."""
    error: dict[str, Json] = {"resource": resource, "code": code}
    if field:
        error["field"] = field
    if message is not None:
        error["message"] = message
    return ApiProblem(422, "Validation Failed", errors=[error])


def bad_credentials() -> ApiProblem:
    """401 for a token nobody has."""
    return ApiProblem(401, "Bad credentials")
