"""Files of other Git repositories, against a real ``git http-backend``."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from bot.model.upstream import UpstreamKind, UpstreamRequest
from tests.gitrepo.server import GitServer, git
from tests.upstream.conftest import Clock, Fetchers
from tests.upstream.site import Asked, Reply, open_site
from tests.upstream.test_repository import got, refused

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


class Source:
    """A repository on the host, with a work tree to write in."""

    def __init__(self, host: GitServer, work: Path, name: str = "base.git") -> None:
        self.host, self.work, self.name = host, work, name
        self.bare = host.bare(name)
        git("clone", "-q", str(self.bare), str(work))
        git("checkout", "-q", "-b", "main", at=work)
        for each in (self.bare, work):  # nobody waits for Git to look for what large files have in common
            git("config", "core.bigFileThreshold", "1m", at=each)

    def commit(self, files: dict[str, str], *tags: str) -> str:
        """A commit with files, pushed; its id."""
        for path, text in files.items():
            (self.work / path).parent.mkdir(parents=True, exist_ok=True)
            (self.work / path).write_text(text)
        git("add", "-A", at=self.work)
        git("commit", "-q", "--allow-empty", "-m", "a change", at=self.work)
        for tag in tags:
            git("tag", "-a", "-m", tag, tag, at=self.work)
        git("push", "-q", "origin", "main", "--tags", at=self.work)
        return git("rev-parse", "HEAD", at=self.work)

    def request_for(self, *, ref: str = "", version: str = "", digest: str = "") -> UpstreamRequest:
        return UpstreamRequest(UpstreamKind.GIT, self.host.url(self.name), "", version, ref, digest)


@pytest.fixture
def source(host: GitServer, tmp_path: Path) -> Source:
    return Source(host, tmp_path / "work")


def at(host: GitServer) -> str:
    return f"127.0.0.1:{host.port}"


def test_a_ref_is_a_tag_a_branch_a_commit_or_the_head(source: Source, fetchers: Fetchers) -> None:
    """Each gives the files of its commit, without history, and says which commit that is."""
    first = source.commit({"a.yaml": "one"}, "v1.0.0", "v1.2.0")
    second = source.commit({"a.yaml": "two", "deep/b.yaml": "b"}, "v2.0.0-rc.1", "main-line")
    fetcher = fetchers.allowing(at(source.host))
    expected = {
        ("v1.0.0", "", ""): (first, "v1.0.0"),
        ("refs/tags/v1.0.0", "", ""): (first, "refs/tags/v1.0.0"),
        ("main", "", ""): (second, "main"),
        ("refs/heads/main", "", ""): (second, "refs/heads/main"),
        ("", "", ""): (second, "HEAD"),
        ("HEAD", "", ""): (second, "HEAD"),
        ("", "", first): (first, ""),
        (first, "", ""): (first, ""),
        ("", ">=1.0.0", ""): (first, "v1.2.0"),
        ("", ">=1.0.0-0", ""): (second, "v2.0.0-rc.1"),
    }
    for (ref, version, digest), (commit, name) in expected.items():
        answer = got(fetcher, source.request_for(ref=ref, version=version, digest=digest))
        assert (answer.source.digest, answer.source.version) == (f"sha1:{commit}", name)
        files = {path: answer.tree.read(path) for path in answer.tree}
        assert files == ({"a.yaml": b"one"} if commit == first else {"a.yaml": b"two", "deep/b.yaml": b"b"})


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"ref": "nowhere"}, "has no branch and no tag nowhere"),
        ({"version": "3.x"}, "has no tag that satisfies 3.x"),
        ({"ref": "--upload-pack=touch /tmp/x"}, "is no ref"),
        ({"ref": "a..b"}, "is no ref"),
        ({"digest": "abc"}, "is no commit"),
        ({"digest": "1" * 40}, "is no commit of this repository"),
    ],
)
def test_refs_that_are_none_are_told(source: Source, fetchers: Fetchers, how: dict[str, str], reason: str) -> None:
    """And are never words of a command."""
    source.commit({"a.yaml": "one"}, "v1.0.0")
    assert reason in refused(fetchers.allowing(at(source.host)), source.request_for(**how)).reason


def test_a_tag_is_kept_for_ever_and_a_branch_is_asked_for_again(
    source: Source, fetchers: Fetchers, clock: Clock
) -> None:
    """Once in an interval the host is asked where the branch is, and for files only where it went on."""
    first = source.commit({"a.yaml": "one"}, "v1.0.0")
    fetcher = fetchers.allowing(at(source.host))
    branch, tag = source.request_for(ref="main"), source.request_for(ref="v1.0.0")
    assert got(fetcher, branch).source.digest == got(fetcher, tag).source.digest == f"sha1:{first}"
    asked = len(source.host.requests)
    second = source.commit({"a.yaml": "two"})
    clock.at += 599
    assert got(fetchers.allowing(at(source.host)), branch).source.digest == f"sha1:{first}"
    assert len(source.host.requests) == asked
    clock.at += 2
    assert got(fetchers.allowing(at(source.host)), branch).source.digest == f"sha1:{second}"
    clock.at += 601
    packs = sum("git-upload-pack" in each for each in source.host.requests)
    assert got(fetchers.allowing(at(source.host)), branch).source.digest == f"sha1:{second}"
    listing = [each for each in source.host.requests if "git-upload-pack" in each][packs:]
    assert not any("fetch" in each for each in listing)
    source.host.before = lambda _method, _path: 500
    assert got(fetchers.allowing(at(source.host)), tag).source.digest == f"sha1:{first}"
    clock.at += 601
    assert refused(fetchers.allowing(at(source.host)), branch).again


def test_a_host_that_hands_out_no_commits_is_asked_for_its_refs(source: Source, fetchers: Fetchers) -> None:
    """A commit that is no tip any more is found in the history then."""
    git("config", "uploadpack.allowAnySHA1InWant", "false", at=source.bare)
    first = source.commit({"a.yaml": "one"})
    source.commit({"a.yaml": "two"})
    answer = got(fetchers.allowing(at(source.host)), source.request_for(digest=first))
    assert answer.tree.read("a.yaml") == b"one"


def test_a_private_repository_is_read_with_the_token_of_its_host(
    source: Source, fetchers: Fetchers, tmp_path: Path
) -> None:
    """The token is in no argument of a process, in no file, and in no reason."""
    source.commit({"a.yaml": "one"}, "v1.0.0")
    source.host.password = "s3cret-t0ken"
    variable = f"CLOCKWORK_FETCH_TOKEN_127_0_0_1_{source.host.port}"
    told = refused(fetchers.allowing(at(source.host)), source.request_for(ref="v1.0.0"))
    assert told.reason == f"{at(source.host)} does not let us read it: set {variable}"
    spy = tmp_path / "bin"
    spy.mkdir()
    words = spy / "words"
    script = f'#!/bin/sh\necho "$@" >> {words}\nexec {shutil.which("git")} "$@"\n'
    (spy / "git").write_text(script)
    (spy / "git").chmod(stat.S_IRWXU)
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{spy}:{before}"
    try:
        fetcher = fetchers.allowing(at(source.host), environment={variable: "s3cret-t0ken"})
        assert got(fetcher, source.request_for(ref="v1.0.0")).tree.read("a.yaml") == b"one"
    finally:
        os.environ["PATH"] = before
    assert "fetch" in words.read_text()
    assert "s3cret" not in words.read_text()
    assert not any(b"s3cret" in path.read_bytes() for path in fetchers.folder.rglob("*") if path.is_file())
    wrong = fetchers.allowing(at(source.host), environment={variable: "another-t0ken"})
    assert "t0ken" not in refused(wrong, source.request_for(ref="main")).reason


def test_links_are_no_files_and_large_blobs_are_left_out(source: Source, fetchers: Fetchers) -> None:
    """As in every repository that is read here; a manifest is never left out, whatever its size."""
    (source.work / "link.yaml").symlink_to("/etc/passwd")
    (source.work / "film.bin").write_bytes(os.urandom(6 * 1024**2))
    source.commit({"a.yaml": "one"}, "v1")
    (source.work / "film.bin").unlink()
    answer = got(fetchers.allowing(at(source.host), most=16 * 1024**2), source.request_for(ref="v1"))
    assert list(answer.tree) == ["a.yaml"]


def test_a_repository_that_is_too_large_is_a_reason(source: Source, fetchers: Fetchers) -> None:
    """Whether it is the pack on its way, or what it unpacks to."""
    (source.work / "noise.yaml").write_bytes(os.urandom(2 * 1024**2))
    source.commit({}, "noisy")
    (source.work / "noise.yaml").unlink()
    for number in range(8):
        (source.work / f"zeros-{number}.yaml").write_bytes(bytes(15 * 1024**2))
    source.commit({}, "bomb")
    packed = refused(fetchers.allowing(at(source.host), most=1024**2), source.request_for(ref="noisy"))
    assert packed.reason == f"{at(source.host)} sends more than may be fetched (fetch.max_mib)"
    unpacked = refused(fetchers.allowing(at(source.host), most=4 * 1024**2), source.request_for(ref="bomb"))
    assert unpacked.reason == "the repository holds more than 100 MiB (fetch.max_mib)"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (404, "has no such repository"),
        (500, "git cannot read"),
        (403, "does not let us read it: set CLOCKWORK_FETCH_TOKEN"),
    ],
)
def test_what_the_host_answers_instead_is_told(source: Source, fetchers: Fetchers, status: int, reason: str) -> None:
    """In words of ours, with what to set."""
    source.commit({"a.yaml": "one"}, "v1")
    source.host.before = lambda _method, _path: status
    assert reason in refused(fetchers.allowing(at(source.host)), source.request_for(ref="v1")).reason


def test_a_host_that_says_nothing_is_given_up(source: Source, fetchers: Fetchers) -> None:
    """When its time is over, with everything that was started for it."""
    source.commit({"a.yaml": "one"}, "v1")
    waiting = threading.Event()

    def silent(_method: str, _path: str) -> int:
        waiting.wait(30)
        return 500

    source.host.before = silent
    answer = refused(fetchers.allowing(at(source.host), seconds=1.5), source.request_for(ref="v1"))
    waiting.set()
    assert answer.again
    assert answer.reason == f"{at(source.host)} did not send all of it in time (fetch.timeout)"


def test_a_redirect_is_not_followed(source: Source, fetchers: Fetchers) -> None:
    """It may lead to any host, with the address that was judged for another one."""
    source.commit({"a.yaml": "one"}, "v1")
    with open_site() as site:

        def onward(asked: Asked) -> Reply:
            return Reply(b"", 301, {"Location": source.host.url(asked.path.lstrip("/"))})

        site.put("/", onward)
        request = replace(source.request_for(ref="v1"), url=f"{site.url}/base.git")
        answer = refused(fetchers.allowing(site.authority, at(source.host)), request)
    assert "redirects, which is not followed" in answer.reason
    assert source.host.requests == []
