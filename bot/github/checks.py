"""Check runs, and commit statuses where the token may not write check runs.

A part of :class:`bot.github.host.GitHubHost`. A check is shown in progress first, then its annotations in the batches that
GitHub takes, and its conclusion last: a run that dies in between leaves a check that is visibly unfinished, never a
success that nobody earned. Publishing the newest result again writes nothing.

Check runs can be written by GitHub Apps alone, also by the token of Actions (docs.github.com, "REST API endpoints for check
runs"); a personal token gets 403, and a commit status has to do.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from bot import escape
from bot.errors import Unavailable
from bot.github import payloads
from bot.github.payloads import CheckRunPart, CheckRunsPart, StatusPart
from bot.github.rest import ApiResponse, RestClient
from bot.model.codehost import Annotation, Check, CheckState, PublishedCheck

BATCH: Final = 50
"""Annotations in one request (docs.github.com, "REST API endpoints for check runs": "a maximum of 50 per API request")."""
_MAX_DESCRIPTION: Final = 140
"""Of a commit status; more is 422 "description is too long (maximum is 140 characters)"."""
_MAX_MESSAGE: Final = 60_000
"""Below the 64 KB that an annotation's message may have (same page)."""
_MAX_NAME: Final = 255
_STATES: Final = {
    CheckState.IN_PROGRESS: "pending",
    CheckState.SUCCESS: "success",
    CheckState.NEUTRAL: "success",
    CheckState.FAILURE: "failure",
}
"""A commit status knows these and ``error`` (docs.github.com, REST API, "Create a commit status", ``state``)."""
_STATUSES: Final = {"success": CheckState.SUCCESS, "failure": CheckState.FAILURE}
_STATUS_ID: Final = 12
"""Characters of a check's id that a commit status, which has no field for it, shows."""


class Checks:
    """Publishes checks on commits of one repository."""

    def __init__(self, requests: RestClient) -> None:
        self._client = requests
        self._denied = False

    def publish(self, check: Check) -> PublishedCheck:
        """The check on its commit, as a check run or, where those are denied, as a commit status."""
        if not self._denied:
            run, was_known = self._run(check)
            if run is not None:
                return PublishedCheck(run.id, run.html_url or "", "check-run", _concluded(run) if was_known else None)
            self._denied = True
        status, was_known = self._status(check)
        state = _STATUSES.get(status.state) if was_known else None
        return PublishedCheck(status.id, status.url, "commit-status", state)

    def _run(self, check: Check) -> tuple[CheckRunPart | None, bool]:
        """The check run, and whether it said so already; None where the token may not write any."""
        was_known = self._runs_of(check)
        if was_known is None:
            return None, False
        mark, begins = _mark(check), check.state is CheckState.IN_PROGRESS
        is_open = any(run.status != "completed" for run in was_known)
        if (verdict := _verdict(was_known, check)) is not None and (begins or not is_open):
            return verdict, True
        same = next((run for run in was_known if run.external_id == mark and run.status != "completed"), None)
        run = same or next((run for run in was_known if run.status == "in_progress" and _is_blank(run)), None)
        if run is None:
            run = self._create(check, mark)
        if run is None or begins:
            return run, False
        finished = self._finish(run, check, mark)
        self._retire([other for other in was_known if other.id != finished.id and other.status != "completed"])
        return finished, False

    def _runs_of(self, check: Check) -> list[CheckRunPart] | None:
        """Check runs of that name on that commit, newest first; None where the token may not read them."""
        path = f"{self._client.root}/commits/{check.head_sha}/check-runs"
        # By default GitHub shows the latest run of each name; a run that died is an earlier one.
        query = {"check_name": check.name[:_MAX_NAME], "filter": "all", "per_page": "100"}
        answer = self._client.get(path, query, accept={403})
        if answer.status == 403:
            return None
        runs = payloads.read(CheckRunsPart, answer.data).check_runs
        return sorted(runs, key=lambda run: -run.id)

    def _create(self, check: Check, mark: str) -> CheckRunPart | None:
        body = {
            "name": check.name[:_MAX_NAME],
            "head_sha": check.head_sha,
            "status": "in_progress",
            "external_id": mark,
            "output": _output(check, ()),
        }
        cause = ""
        for _ in range(2):
            answer = self._client.send("POST", f"{self._client.root}/check-runs", body, accept={403})
            if isinstance(answer, ApiResponse):
                return None if answer.status == 403 else payloads.read(CheckRunPart, answer.data)
            cause = answer.cause
            existing = next((run for run in self._runs_of(check) or () if run.external_id == mark), None)
            if existing is not None:
                return existing
        raise Unavailable(f"the check {check.name} could not be created: {cause}")

    def _finish(self, run: CheckRunPart, check: Check, mark: str) -> CheckRunPart:
        """All annotations that are not there yet, batch by batch, then the conclusion."""
        path = f"{self._client.root}/check-runs/{run.id}"
        batches = [check.annotations[at : at + BATCH] for at in range(0, len(check.annotations), BATCH)]
        sent_count = -(-run.annotations // BATCH) if run.external_id == mark else 0
        for number, batch in enumerate(batches[sent_count:], start=sent_count):
            self._add(path, {"external_id": mark, "output": _output(check, batch)}, number * BATCH + len(batch))
        closing = {
            "external_id": mark,
            "status": "completed",
            "conclusion": check.state.value,
            "output": _output(check, ()),
        }
        return payloads.read(CheckRunPart, self._client.send_again("PATCH", path, closing).data)

    def _add(self, path: str, body: dict[str, object], total: int) -> None:
        """One batch. Sending it twice would show it twice, so after a lost reply the count tells whether it arrived."""
        cause = ""
        for _ in range(3):
            answer = self._client.send("PATCH", path, body)
            if isinstance(answer, ApiResponse):
                return
            cause = answer.cause
            if payloads.read(CheckRunPart, self._client.get(path).data).annotations >= total:
                return
        raise Unavailable(f"annotations could not be written: {cause}")

    def _retire(self, runs: Sequence[CheckRunPart]) -> None:
        """Conclude runs that somebody left in progress on the same commit; the finished one is newer."""
        for run in runs:
            closing = {"status": "completed", "conclusion": "cancelled"}
            self._client.send_again(
                "PATCH", f"{self._client.root}/check-runs/{run.id}", closing, accept={403, 404, 422}
            )

    def _status(self, check: Check) -> tuple[StatusPart, bool]:
        """The commit status, and whether it said so already: its description ends in the beginning of the check's id."""
        context = f"{check.name[: _MAX_NAME - 9]} (status)"
        mark = f" (id {check.external_id[:_STATUS_ID]})" if check.external_id else ""
        description = escape.line(check.title, _MAX_DESCRIPTION - len(mark)) + mark
        body = {"state": _STATES[check.state], "context": context, "description": description}
        path = f"{self._client.root}/commits/{check.head_sha}/statuses"
        statuses = payloads.read_all(StatusPart, self._client.pages(path))
        latest = max(
            (status for status in statuses if status.context == context), key=lambda status: status.id, default=None
        )
        begins = check.state is CheckState.IN_PROGRESS
        if latest is not None and begins and mark and (latest.description or "").endswith(mark):
            return latest, latest.state != "pending"
        if latest is not None and (latest.state, latest.description) == (body["state"], body["description"]):
            return latest, True
        answer = self._client.send_again("POST", f"{self._client.root}/statuses/{check.head_sha}", body)
        return payloads.read(StatusPart, answer.data), False


def _concluded(run: CheckRunPart) -> CheckState | None:
    states_by_value = {state.value: state for state in CheckState if state is not CheckState.IN_PROGRESS}
    return states_by_value.get(run.conclusion or "") if run.status == "completed" else None


def _mark(check: Check) -> str:
    """What ties a check run to exactly this result: the caller's id and a digest over all that is shown."""
    content = json.dumps(asdict(check), sort_keys=True, default=str)
    return f"{check.external_id[:200]}:{hashlib.sha256(content.encode()).hexdigest()[:16]}"


def _verdict(runs: Sequence[CheckRunPart], check: Check) -> CheckRunPart | None:
    """The run that says it already: the same caller's id, with this conclusion, or with any where the check only begins.
    What is finished never goes back to being in progress, and is not said twice, unless a newer one says something else:
    GitHub shows that, and asks for that (docs.github.com, "REST API endpoints for check runs", ``filter``: latest).
    """
    prefix = f"{check.external_id[:200]}:"
    completed = next((run for run in runs if run.status == "completed"), None)
    is_ours = completed is None or (completed.external_id or "").startswith(check.external_id[:200])
    for run in runs:
        if not check.external_id or not (run.external_id or "").startswith(prefix):
            continue
        if (
            completed is not None
            and not is_ours
            and run.status == "completed"
            and run.conclusion != completed.conclusion
        ):
            continue
        if check.state is CheckState.IN_PROGRESS or (run.status == "completed" and run.conclusion == check.state.value):
            return run
    return None


def _is_blank(run: CheckRunPart) -> bool:
    return run.annotations == 0


def _output(check: Check, annotations: Sequence[Annotation]) -> dict[str, object]:
    output: dict[str, object] = {"title": escape.title(check.title), "summary": escape.clip(check.summary or " ")}
    if annotations:
        output["annotations"] = [_annotation(annotation) for annotation in annotations]
    return output


def _annotation(annotation: Annotation) -> dict[str, object]:
    return {
        "path": annotation.path,
        "start_line": max(1, annotation.start_line),
        "end_line": max(1, annotation.start_line, annotation.end_line),
        "annotation_level": annotation.level.value,
        "title": escape.title(annotation.title),
        "message": annotation.message[:_MAX_MESSAGE] or " ",
    }
