"""Answers requests: from memory, from the store, else from where they lead; each once, whoever asks at the same time.

What can never be anything else (a version, a tag of Git, a commit, a digest) is kept for ever. A branch, a range of versions
or a tag such as ``latest`` is asked for again when ``refresh`` seconds are over. Where that fails there is no answer: what was
there an hour ago is not what a controller deploys now.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from bot.errors import BotError, Unavailable
from bot.model.semver import is_exact
from bot.model.upstream import NotFetched, UpstreamFiles, UpstreamKind, UpstreamRequest, UpstreamSource
from bot.upstream import repository
from bot.upstream.archive import UnpackLimits, packed
from bot.upstream.contents import FetchedContents
from bot.upstream.gitsource import GitSource
from bot.upstream.hosts import HostOrigin
from bot.upstream.registry import Registry
from bot.upstream.store import Receipt, Store
from bot.upstream.web import HostDown, Web

_RETRY_SECONDS: Final = 60.0
"""How long a failure is the answer: several units ask for the same thing, and a host that is down is down for all."""
_NOT_KNOWN: Final = NotFetched(
    "it was not fetched before, and nothing is fetched while an edit is looked for", again=True
)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a request; ``until`` is when it is asked for again, in seconds since 1970."""

    result: Receipt | NotFetched
    until: float


@dataclass(frozen=True, slots=True)
class _Delivery:
    """What was fetched, its bytes, and whether it will be the same for ever."""

    source: UpstreamSource
    data: bytes
    pinned: bool


@dataclass(slots=True)
class Fetcher:
    """Safe to use from several threads. ``most`` are the bytes of one thing, packed; ``refresh`` is in seconds."""

    web: Web
    store: Store
    most: int = 64 * 1024 * 1024
    refresh: float = 600.0
    now: Callable[[], float] = time.time
    _outcomes: dict[UpstreamRequest, _Outcome] = field(default_factory=dict)
    _down: dict[HostOrigin, tuple[NotFetched, float]] = field(default_factory=dict)
    _indexes: dict[str, tuple[repository.Entries, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _asking: dict[object, threading.Lock] = field(default_factory=dict)
    _contents: FetchedContents = field(init=False)

    def __post_init__(self) -> None:
        limits = UnpackLimits()
        self._contents = FetchedContents(self.store, replace(limits, total=max(2 * self.most, limits.total)))

    def fetch(self, request: UpstreamRequest) -> UpstreamFiles | NotFetched:
        """What ``request`` comes to, or why there is nothing. Never raises for what others do."""
        with self._alone(request):
            outcome = self._outcomes.get(request)
            if (
                outcome is not None
                and self.now() < outcome.until
                and (answer := self._answer(request, outcome)) is not None
            ):
                return answer
            try:
                return self._new(request)
            except Unavailable as exc:
                return self._failed(request, NotFetched(exc.message, again=True), _RETRY_SECONDS)
            except BotError as exc:
                return self._failed(request, NotFetched(exc.message), max(self.refresh, _RETRY_SECONDS))

    def cached(self, request: UpstreamRequest) -> UpstreamFiles | NotFetched:
        """What ``request`` came to before; nothing is asked for."""
        outcome = self._outcomes.get(request)
        return (self._answer(request, outcome) if outcome is not None else None) or _NOT_KNOWN

    def _alone(self, key: object) -> threading.Lock:
        """The lock of one request, or of one index."""
        with self._lock:
            return self._asking.setdefault(key, threading.Lock())

    def _answer(self, request: UpstreamRequest, outcome: _Outcome) -> UpstreamFiles | NotFetched | None:
        """What is known of a request; None where its contents are gone from disk by now."""
        if isinstance(outcome.result, NotFetched):
            return outcome.result
        tree = self._contents.tree(request, outcome.result.content)
        return None if tree is None else UpstreamFiles(outcome.result.source, tree)

    def _failed(self, request: UpstreamRequest, answer: NotFetched, seconds: float) -> NotFetched:
        self._outcomes[request] = _Outcome(answer, self.now() + seconds)
        return answer

    def _new(self, request: UpstreamRequest) -> UpstreamFiles | NotFetched:
        origin = self.web.hosts.check(request.url)
        receipt = self.store.receipt(request)
        if receipt is not None and self.now() < self._until(receipt):
            outcome = _Outcome(receipt, self._until(receipt))
            if (answer := self._answer(request, outcome)) is not None:
                self._outcomes[request] = outcome
                return answer
        return self._fetch_anew(request, origin, receipt)

    def _fetch_anew(
        self, request: UpstreamRequest, origin: HostOrigin, before: Receipt | None
    ) -> UpstreamFiles | NotFetched:
        """From where it leads. A host that did not answer a moment ago is not asked again."""
        reason, until = self._down.get(origin, (None, 0.0))
        if reason is not None and self.now() < until:
            return self._failed(request, reason, until - self.now())
        try:
            delivery = self._delivery(request, origin, before)
        except HostDown as exc:
            reason = NotFetched(exc.message, again=True)
            self._down[origin] = reason, self.now() + _RETRY_SECONDS
            return self._failed(request, reason, _RETRY_SECONDS)
        digest = hashlib.sha256(delivery.data).hexdigest()
        tree = self._contents.tree(request, digest, delivery.data)
        if tree is None:
            raise Unavailable(f"nothing came from {origin.authority}")
        self.store.keep(delivery.data)
        receipt = Receipt(delivery.source, digest, delivery.pinned, self.now())
        self.store.remember(request, receipt)
        self._outcomes[request] = _Outcome(receipt, self._until(receipt))
        return UpstreamFiles(delivery.source, tree)

    def _delivery(self, request: UpstreamRequest, origin: HostOrigin, before: Receipt | None) -> _Delivery:
        match request.kind:
            case UpstreamKind.CHART:
                return self._chart(request, origin)
            case UpstreamKind.OCI:
                return self._layer(request, before)
            case UpstreamKind.GIT:
                return self._commit(request, before)
            case UpstreamKind.FILE:
                return self._file(request, origin)

    def _chart(self, request: UpstreamRequest, origin: HostOrigin) -> _Delivery:
        entry = repository.entry_of(self._index(request.url, origin), request)
        data = self.store.content(entry.digest) if entry.digest else None
        data = data or repository.chart(self.web, entry, origin, self.most)
        return _Delivery(repository.source(request, entry, data), data, is_exact(request.version))

    def _index(self, url: str, origin: HostOrigin) -> repository.Entries:
        """The index of a repository, read once for all of its charts."""
        with self._alone(url):
            cached_index = self._indexes.get(url)
            if cached_index is None or self.now() >= cached_index[1]:
                entries = repository.index_of(self.web, url, origin)
                cached_index = self._indexes[url] = entries, self.now() + self.refresh
            return cached_index[0]

    def _layer(self, request: UpstreamRequest, before: Receipt | None) -> _Delivery:
        registry = Registry.of(self.web, request)
        layer, pinned = registry.layer(request)
        data = self._same(before, layer.source) or registry.blob(layer, self.most)
        return _Delivery(layer.source, data, pinned)

    def _commit(self, request: UpstreamRequest, before: Receipt | None) -> _Delivery:
        repo = GitSource.of(self.web, request)
        try:
            with self.store.scratch() as folder:
                tip = repo.tip(request, Path(folder))
                source = repo.source(tip)
                data = self._same(before, source)
                if data is None:
                    data = packed(repo.files(tip, Path(folder), most=self.most, limits=self._contents.limits))
        except OSError as exc:
            raise Unavailable(f"there is no room for {request.url}: {exc.strerror}") from exc
        return _Delivery(source, data, tip.pinned)

    def _file(self, request: UpstreamRequest, origin: HostOrigin) -> _Delivery:
        key = self.web.keys.of(origin)
        page = self.web.get(request.url, of=origin, most=self.most, authorization=key.basic if key else None)
        source = UpstreamSource(request.url, "", f"sha256:{hashlib.sha256(page.body).hexdigest()}")
        return _Delivery(source, page.body, pinned=False)

    def _same(self, before: Receipt | None, source: UpstreamSource) -> bytes | None:
        """The stored contents, where they are of the same digest."""
        same = before is not None and before.source.digest == source.digest
        return self.store.content(before.content) if before is not None and same else None

    def _until(self, receipt: Receipt) -> float:
        """When a receipt says nothing any more. One of the future says nothing now: a clock was wrong."""
        if receipt.pinned:
            return float("inf")
        return receipt.at + self.refresh if receipt.at <= self.now() else 0.0
