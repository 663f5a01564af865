"""What an API server's refusal means: one of our errors, in words that say what to do. Used by the Kubernetes applier.

Sources: Kubernetes docs, "Server-Side Apply", "Conflicts"; apimachinery ``pkg/api/errors``; the words of a conflict:
apimachinery ``pkg/util/managedfields/internal/conflict.go``. What a server says of a Secret may quote its values, so of
that only the fields and the machine's word for the reason are repeated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from bot.errors import BotError, Refused, Unavailable
from bot.kubeapi.api import ApiAnswer
from bot.model.json import text
from bot.secrecy.sanitize import sanitized

_SHOWN: Final = 300
_UNTYPED: Final = "failed to create typed patch object"
"""What an apply is told of a field that no schema has: as an internal error (apimachinery, ``managedfields/internal``,
structuredmerge.go).
"""
_NO_DRY_RUN: Final = "does not support dry run"
"""apiserver ``pkg/admission/plugin/webhook/errors/statuserror.go``, ``NewDryRunUnsupportedErr``."""
_CONFLICT: Final = "FieldManagerConflict"
"""The cause of a field that another manager owns (apimachinery ``pkg/apis/meta/v1/types.go``); its text is made by
``managedfields/internal/conflict.go``, since no field of the answer names the manager.
"""
_MANAGER: Final = re.compile(r'conflict with ("(?:[^"\\]|\\.)*")(?: with subresource "([^"]*)")?(?: using (\S+))?')


class ObjectMoved(Unavailable):
    """The object changed between being read and being written: look again."""


class NotRehearsed(Refused):
    """An admission webhook that cannot be asked without its doing something stands in the way of a dry run: it tells nothing
    about the real one.
    """


class NotValid(Refused):
    """The object would not be valid."""


class WaitOver(Unavailable):
    """Something was waited for as long as is allowed: trying again at once would only wait longer."""


@dataclass(frozen=True, slots=True)
class HeldField:
    """A field of which another field manager says something else: ``field`` as the conflict has it, ``path`` for people.

    ``manager`` is its name alone, ``owner`` with the subresource and the API version by which it wrote.
    """

    field: str
    manager: str
    owner: str

    @property
    def path(self) -> str:
        return sanitized(self.field).removeprefix(".")


def held_fields(answer: ApiAnswer) -> tuple[HeldField, ...]:
    """The fields of a conflict of server-side apply; none where the answer is none."""
    causes = [cause for cause in answer.causes if cause.get("reason", cause.get("type")) == _CONFLICT]
    return tuple(_held_field(text(cause.get("field")), text(cause.get("message"))) for cause in causes)


def _held_field(field: str, message: str) -> HeldField:
    match = _MANAGER.search(message)
    if match is None:
        return HeldField(field, "", sanitized(message)[:_SHOWN])
    name = match[1][1:-1].replace('\\"', '"')
    qualifiers = [f"subresource {match[2]}" if match[2] else "", match[3] or ""]
    return HeldField(
        field, name, sanitized(f"{name} ({', '.join(filter(None, qualifiers))})" if any(qualifiers) else name)
    )


def conflict(subject: str, held_by_others: tuple[HeldField, ...]) -> Refused:
    """A conflict that is not ours to decide: each field with who says otherwise."""
    fields = "; ".join(f"{field.path} belongs to {field.owner}" for field in held_by_others)
    return Refused(
        f"{subject}: others own what Git says otherwise: {fields}",
        advice="leave these fields out of Git, have their owners let go of them, or allow taking them over",
    )


def error_of(answer: ApiAnswer, subject: str, verb: str, *, secret: bool) -> BotError:
    """The error that an answer is. ``verb`` is what was asked, in the words of RBAC; ``secret``: show no message.

    What a status means: Kubernetes API conventions, "HTTP Status codes"
    (https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md).
    """
    message = _message_of(answer, secret=secret)
    sentence = f"{subject}: the cluster says to {verb}: {message}"
    match answer.status:
        case 409 if not held_fields(answer):
            return ObjectMoved(sentence)
        case 409:
            return conflict(subject, held_fields(answer))
        case 422 if not any(text(cause.get("field")) for cause in answer.causes):
            return ObjectMoved(sentence)  # a test of a JSON Patch did not hold (apiserver, endpoints/handlers/patch.go)
        case 422 if any(text(cause.get("field")) == "metadata.uid" for cause in answer.causes):
            return ObjectMoved(sentence)  # another object has the name
        case 422 if any("immutable" in text(cause.get("message")) for cause in answer.causes):
            return Refused(
                sentence, advice="a field cannot be changed while the object lives: plan again to replace it"
            )
        case 500 if _UNTYPED in answer.message:
            return Refused(sentence, advice="correct it in Git")
        case 400 if _NO_DRY_RUN in answer.message:
            return NotRehearsed(sentence)
        case 422:
            return NotValid(sentence, advice="correct it in Git")
        case 400:
            return Refused(sentence, advice="correct it in Git")
        case 401:
            return Refused(sentence, advice="the cluster does not accept these credentials: renew them")
        case 403:
            return Refused(sentence, advice=f"allow {verb} to this account, or see which admission policy says no")
        case 404 if not answer.reason:
            return Unavailable(sentence)  # not of the API: a kind that was defined just now
        case 404:
            return Refused(sentence, advice="create its namespace, or install what serves its kind, first")
        case 408 | 429:
            return Unavailable(sentence)
        case status if status >= 500:
            return Unavailable(sentence)
        case _:
            return Refused(sentence)


def _message_of(answer: ApiAnswer, *, secret: bool) -> str:
    """The refusal in a line, without values where they may be secret."""
    head = f"{answer.status} {answer.reason}".strip()
    if not secret:
        return f"{head}: {sanitized(answer.message)[:_SHOWN]}" if answer.message else head
    fields = sorted({text(cause.get("field")) for cause in answer.causes} - {""})
    return f"{head} ({', '.join(map(sanitized, fields))})" if fields else head
