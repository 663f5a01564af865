"""Files of other Git repositories at a ref: one commit without its history, by the ``git`` program over HTTP(S).

``git`` runs in a process of its own, with an empty environment and no configuration but what stands here, and is ended when its
time is over. It connects to the addresses that were judged (git-config(1), ``http.curloptResolve``), follows no redirects,
and gets credentials through its environment (``GIT_CONFIG_COUNT``), which no list of processes shows. What it brought is then
read by libgit2: sizes first, contents after.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlunsplit

from bot.errors import BotError, Invalid, Refused, Unavailable
from bot.model.proxies import proxy_for
from bot.model.semver import Version, parse_version
from bot.model.upstream import UpstreamRequest, UpstreamSource
from bot.processes import ProcessEnd, ProcessResult, Workspace, run
from bot.secrecy.redaction import redact
from bot.upstream.archive import UnpackLimits, checked_name
from bot.upstream.hosts import HostOrigin, split
from bot.upstream.keys import variable
from bot.upstream.repository import constraint_of
from bot.upstream.web import HostDown, Web

if TYPE_CHECKING:
    import pygit2

_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_REF: Final = re.compile(r"(?!-)(?!.*(?:\.\.|@\{|//|\.lock(?:/|\Z)))[^\x00-\x20\x7f~^:?*\[\\]+")
"""A ref that Git takes (git-check-ref-format(1)) and that is no option."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_MIB: Final = 1024 * 1024
_LARGE: Final = 5 * _MIB
"""Bytes of a file from which on it is no manifest and no chart's; it is left out. Helm took none larger
(``MaxDecompressedFileSize`` in its ``pkg/chart/loader/archive/archive.go``; its newest versions bound the whole chart alone).
"""
_DEEPEST: Final = 64
_MANIFESTS: Final = (".yaml", ".yml", ".json")
_FAILURES: Final[tuple[tuple[str, type[BotError], str], ...]] = (
    (r"File size limit|No space left|died of signal", Invalid, "sends more than may be fetched (fetch.max_mib)"),
    (r"Authentication failed|could not read Username|prompts disabled|\b40[13]\b", Refused, "does not let us read it"),
    (r"not found|\b404\b|\b410\b|does not exist", Invalid, "has no such repository, or does not show it"),
    (r"redirect|\b30[12378]\b", Refused, "redirects, which is not followed: write the address that it leads to"),
    (r"remote ref|not our ref|unadvertised object", Invalid, "has no such commit or ref"),
    (r"early EOF|unexpected disconnect|RPC failed|remote end hung up", Unavailable, "broke off in the middle"),
    (r"invalid index-pack output", Invalid, "sends more than may be fetched (fetch.max_mib)"),
    (r"Could not resolve|Failed to connect|Connection refused|Connection timed out", HostDown, "cannot be connected to"),
)  # fmt: skip
"""What git says (``remote-curl.c``, ``fetch-pack.c`` and ``upload-pack.c`` of git, in the C locale; below them libcurl) and
what that means for who asked.
"""


@dataclass(frozen=True, slots=True)
class Tip:
    """A commit by what names it. ``pinned``: it will never be another one."""

    commit: str
    name: str
    pinned: bool


@dataclass(frozen=True, slots=True)
class GitSource:
    """One repository that may be asked, at ``url`` without credentials."""

    web: Web
    origin: HostOrigin
    url: str
    _environment: Mapping[str, str] = field(repr=False)

    @staticmethod
    def of(web: Web, request: UpstreamRequest) -> GitSource:
        """The repository of a request. Raises ``Unavailable`` where its host has no address now."""
        origin, parts = split(request.url)
        url = urlunsplit(parts._replace(fragment=""))
        return GitSource(web, origin, url, _environment(web, origin, url))

    def tip(self, request: UpstreamRequest, work: Path) -> Tip:
        """The commit that a request means now. Raises ``Invalid`` where the repository has none of that name."""
        commit_id = request.digest.removeprefix("sha1:") or (request.ref if _COMMIT.fullmatch(request.ref) else "")
        if commit_id:
            if not _COMMIT.fullmatch(commit_id):
                raise Invalid(f"{commit_id[:80]!r} is no commit")
            return Tip(commit_id, request.ref if request.ref != commit_id else "", pinned=True)
        if request.ref and not _REF.fullmatch(request.ref):
            raise Invalid(f"{request.ref[:80]!r} is no ref")
        patterns = ["refs/tags/*"] if request.version else _candidates(request.ref)
        refs_listed = self._listed(work, patterns)
        if request.version:
            return _greatest(request, refs_listed)
        for ref in patterns:
            if ref in refs_listed and not ref.endswith("^{}"):
                return Tip(
                    refs_listed.get(f"{ref}^{{}}", refs_listed[ref]),
                    request.ref or "HEAD",
                    ref.startswith("refs/tags/"),
                )
        raise Invalid(f"{request.url} has no branch and no tag {request.ref or 'HEAD'}")

    def files(self, tip: Tip, work: Path, *, most: int, limits: UnpackLimits) -> dict[str, bytes]:
        """The regular files of a commit, fetched without its history into ``work``. A host that hands out no commit by its
        id is asked for its refs, with their history.
        """
        bare = work / "repository.git"
        self._git(["init", "--quiet", "--bare", str(bare)], work, most)
        git_dir = ["--git-dir", str(bare)]
        fetch = [*git_dir, "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"]
        try:
            self._git([*fetch, "--depth=1", self.url, tip.commit], work, most)
        except Invalid:
            self._git([*fetch, self.url, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"], work, most)
        return _files(bare, tip.commit, limits)

    def source(self, tip: Tip) -> UpstreamSource:
        """What was fetched."""
        return UpstreamSource(self.url, tip.name, f"sha1:{tip.commit}")

    def _listed(self, work: Path, patterns: Sequence[str]) -> dict[str, str]:
        printed = self._git(["ls-remote", "--quiet", self.url, *patterns], work, 0).stdout.decode("utf-8", "replace")
        lines = [line.split("\t", 1) for line in printed.splitlines() if "\t" in line]
        return {ref: commit for commit, ref in lines if _COMMIT.fullmatch(commit)}

    def _git(self, arguments: Sequence[str], work: Path, most: int) -> ProcessResult:
        """``git`` run to its end. Raises what its failure means."""
        argv = [*_limits(most), "git", "-c", "core.hooksPath=/dev/null", *arguments]
        folder = Workspace(work, work, work)
        ended = run(argv, b"", env=self._environment, deadline_seconds=self.web.seconds, workspace=folder)
        match ended.ending:
            case ProcessEnd.NOT_FOUND:
                raise Unavailable("git is not installed here, so no other repository can be read")
            case ProcessEnd.TIMEOUT:
                raise Unavailable(f"{self.origin.authority} did not send all of it in time (fetch.timeout)")
            case ProcessEnd.TOO_LARGE:
                raise Invalid(f"{self.origin.authority} lists more refs than can be read")
        if ended.exit_code != 0:
            raise self._failure(ended)
        return ended

    def _failure(self, ended: ProcessResult) -> BotError:
        message = redact(self.web.keys.hidden(" ".join(_CONTROL.sub(" ", ended.stderr).split())), opaque=True)[:300]
        if (ended.exit_code or 0) < 0 or (ended.exit_code or 0) > 128 + 1:
            return Invalid(f"{self.origin.authority} sends more than may be fetched (fetch.max_mib)")
        for pattern, kind, sentence in _FAILURES:
            if re.search(pattern, message, re.IGNORECASE):
                hint = f": set {variable(self.origin)}" if sentence.startswith("does not let") else ""
                return kind(f"{self.origin.authority} {sentence}{hint}")
        return Unavailable(f"git cannot read {self.url}: {message or 'it failed and said nothing'}")


def _limits(most: int) -> tuple[str, ...]:
    """The words that bound the files a program writes, in bytes (prlimit(1)); none where it is not there or not asked."""
    prlimit = shutil.which("prlimit")
    return (prlimit, f"--fsize={most}", "--core=0", "--") if prlimit and most else ()


def _environment(web: Web, origin: HostOrigin, url: str) -> dict[str, str]:
    """All that ``git`` knows: where to connect to, how, and as whom."""
    through = proxy_for(url, web.environment)
    settings = {
        "credential.helper": "",
        "http.followRedirects": "false",
        "protocol.allow": "never",
        f"protocol.{origin.scheme}.allow": "always",
        "fetch.unpackLimit": "1",
        "gc.auto": "0",
        "maintenance.auto": "false",
        "safe.directory": "*",
        "http.proxy": through or "",
    }
    if through is None:
        addresses = ",".join(f"[{address}]" if ":" in address else address for address in web.hosts.addresses(origin))
        settings["http.curloptResolve"] = f"{origin.host}:{origin.port}:{addresses}"
    key = web.keys.of(origin)
    if key is not None and web.may_send_keys(origin):
        settings[f"http.{url}.extraHeader"] = f"Authorization: {key.basic}"
    settings_variables = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (name, value) in enumerate(settings.items()):
        settings_variables |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    certificates = {
        name: web.environment[name] for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if name in web.environment
    }
    if "SSL_CERT_FILE" in certificates:  # curl inside of git has a variable of its own (git(1), GIT_SSL_CAINFO)
        certificates["GIT_SSL_CAINFO"] = certificates["SSL_CERT_FILE"]
    isolation = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    return {"PATH": os.environ.get("PATH", os.defpath), **isolation, **certificates, **settings_variables}


def _candidates(ref: str) -> list[str]:
    """The full refs that a name may mean, the first one counts (gitrevisions(7)). Each tag with the commit it leads to."""
    if not ref:
        return ["HEAD"]
    full = [ref] if ref.startswith("refs/") else [f"refs/tags/{ref}", f"refs/heads/{ref}"]
    return ["HEAD"] if ref == "HEAD" else [name for ref_name in full for name in (ref_name, f"{ref_name}^{{}}")]


def _greatest(request: UpstreamRequest, refs_by_name: Mapping[str, str]) -> Tip:
    """The tag with the greatest version that satisfies a constraint."""
    tags = {ref.removeprefix("refs/tags/"): commit for ref, commit in refs_by_name.items()}
    versions: list[Version] = [version for tag in tags if (version := parse_version(tag)) is not None]
    newest = constraint_of(request).newest(versions)
    if newest is None:
        raise Invalid(f"{request.url} has no tag that satisfies {request.version}")
    return Tip(tags.get(f"{newest.text}^{{}}", tags[newest.text]), newest.text, pinned=False)


def _files(bare: Path, commit: str, limits: UnpackLimits) -> dict[str, bytes]:
    import pygit2

    try:
        repository = pygit2.Repository(str(bare))
        tip: object = repository.get(commit)
        if not isinstance(tip, pygit2.Commit):
            raise Invalid(f"{commit[:12]} is no commit of this repository")
        blobs = dict(_blobs(repository, tip.tree, "", limits, [0]))
        return _read(repository, blobs, limits)
    except (pygit2.GitError, KeyError, ValueError) as exc:
        raise Unavailable(f"the commit {commit[:12]} cannot be read: {_CONTROL.sub(' ', str(exc))[:200]}") from exc


def _blobs(
    repository: pygit2.Repository, tree: pygit2.Tree, above: str, limits: UnpackLimits, byte_count: list[int]
) -> Iterator[tuple[str, pygit2.Oid]]:
    """The regular files below a tree. Links and submodules are none, as in every tree that is read here."""
    import pygit2
    from pygit2.enums import FileMode

    for entry in tree:
        byte_count[0] += 1
        if byte_count[0] > limits.entries:
            raise Invalid(f"the repository has more than {limits.entries} files")
        path = checked_name(f"{above}{entry.name}")
        if path.count("/") > _DEEPEST:
            raise Invalid(f"the repository has folders in folders, more than {_DEEPEST} deep")
        if isinstance(entry, pygit2.Tree):
            yield from _blobs(repository, entry, f"{path}/", limits, byte_count)
        elif entry.filemode in {FileMode.BLOB, FileMode.BLOB_EXECUTABLE}:
            yield path, entry.id


def _read(repository: pygit2.Repository, blobs: Mapping[str, pygit2.Oid], limits: UnpackLimits) -> dict[str, bytes]:
    """The contents, once their sizes are known to be bearable."""
    import pygit2

    sizes = {path: repository.odb.read_header(oid)[1] for path, oid in blobs.items()}
    kept_sizes = {path: size for path, size in sizes.items() if size <= _LARGE or path.endswith(_MANIFESTS)}
    if sum(kept_sizes.values()) > limits.total:
        raise Invalid(f"the repository holds more than {limits.total / _MIB:g} MiB (fetch.max_mib)")
    contents: dict[str, bytes] = {}
    for path in kept_sizes:
        blob = repository[blobs[path]]
        contents[path] = blob.data if isinstance(blob, pygit2.Blob) else b""
    return contents
