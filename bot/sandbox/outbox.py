"""Webhook deliveries: signed, numbered, sent by one background thread in the order in which things happened.

Deliveries can be lost or doubled on purpose. What fails is not sent again unless somebody asks for it (docs.github.com,
"Handling failed webhook deliveries"). Signature and header names as GitHub documents them at
https://docs.github.com/webhooks/webhook-events-and-payloads#delivery-headers .
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import queue
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from bot.sandbox.records import DeliveryRow, HookRow
from bot.sandbox.store import Database

_TIMEOUT = 5.0
"""Seconds. GitHub waits for ten ("Handling webhook deliveries"); a test should not."""
_NOTHING_ANSWERED = -1


@dataclass(frozen=True, slots=True)
class _Parcel:
    delivery: int
    hook: HookRow
    guid: str
    event: str
    body: bytes


class Outbox:
    """Takes payloads, keeps a record of each delivery and sends it. ``close`` sends what is left."""

    def __init__(self, store: Database, *, now: Callable[[], str]) -> None:
        self._store = store
        self._now = now
        self._queue: queue.Queue[_Parcel | None] = queue.Queue()
        self._lock = threading.Lock()
        self._drop = 0
        self._duplicate = 0
        self._thread = threading.Thread(target=self._work, name="sandbox-webhooks", daemon=True)
        self._thread.start()

    def drop(self, times: int = 1) -> None:
        """The next ``times`` deliveries never arrive."""
        with self._lock:
            self._drop += times

    def duplicate(self, times: int = 1) -> None:
        """The next ``times`` deliveries arrive twice, with the same ``X-GitHub-Delivery``."""
        with self._lock:
            self._duplicate += times

    def post(self, hook: HookRow, *, event: str, action: str | None, payload: str) -> None:
        """Queue one delivery; returns at once."""
        guid = str(uuid.uuid4())
        with self._lock:
            dropped, doubled = self._drop > 0, self._drop == 0 and self._duplicate > 0
            self._drop -= dropped
            self._duplicate -= doubled
        copies = 0 if dropped else 2 if doubled else 1
        for again in range(max(copies, 1)):
            self._record(hook, guid, event, action, payload, is_lost=copies == 0, again=again > 0)

    def redeliver(self, hook: HookRow, delivery: DeliveryRow) -> None:
        """Send a recorded delivery once more under its old id."""
        self._record(hook, delivery.guid, delivery.event, delivery.action, delivery.payload, is_lost=False, again=True)

    def settle(self) -> None:
        """Returns when everything queued so far was sent (each within five seconds or given up)."""
        self._queue.join()

    def close(self) -> None:
        """Everything queued is sent and the thread is gone."""
        self._queue.put(None)
        self._thread.join()

    def _record(
        self, hook: HookRow, guid: str, event: str, action: str | None, payload: str, *, is_lost: bool, again: bool
    ) -> None:
        key = self._store.insert(
            "delivery",
            hook_id=hook.id,
            guid=guid,
            event=event,
            action=action,
            payload=payload,
            status_code=_NOTHING_ANSWERED if is_lost else 0,
            delivered_at=self._now(),
            redelivery=again,
        )
        if not is_lost:
            self._queue.put(_Parcel(key, hook, guid, event, payload.encode()))

    def _work(self) -> None:
        while (parcel := self._queue.get()) is not None:
            status = _send(parcel)
            self._store.update("delivery", parcel.delivery, status_code=status)
            self._queue.task_done()
        self._queue.task_done()


def signature(secret: str, body: bytes) -> str:
    """The value of ``X-Hub-Signature-256``."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _send(parcel: _Parcel) -> int:
    """The receiver's status code, -1 when nothing answered."""
    address = urlsplit(parcel.hook.url)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/sandbox",
        "X-GitHub-Event": parcel.event,
        "X-GitHub-Delivery": parcel.guid,
        "X-GitHub-Hook-ID": str(parcel.hook.id),
        "X-GitHub-Hook-Installation-Target-Type": "repository",
        "X-GitHub-Hook-Installation-Target-ID": str(parcel.hook.repo_id),
    }
    if parcel.hook.secret:
        headers["X-Hub-Signature-256"] = signature(parcel.hook.secret, parcel.body)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=_TIMEOUT)
    path = (address.path or "/") + (f"?{address.query}" if address.query else "")
    try:
        connection.request("POST", path, parcel.body, headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return _NOTHING_ANSWERED
    finally:
        connection.close()
