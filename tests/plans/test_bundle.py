"""``clockwork build``: what is in a bundle, that its bytes are the same everywhere, and that others can read it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

import pytest
import yaml

from bot.errors import Invalid
from bot.plans.packing import oci_layout, tar
from bot.wiring.reconcile import open_build
from bot.wiring.repository import Options
from tests.entry import clockwork

MANIFESTS = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "nginx:1.27"}]
"""
COMPOSE = "services:\n  db:\n    image: postgres:16 # pinned\n"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    (folder / "base").mkdir(parents=True)
    (folder / "base/web.yaml").write_text(MANIFESTS)
    (folder / "base/kustomization.yaml").write_text("resources: [web.yaml]\n")
    for name in ("dev", "prod"):
        (folder / name).mkdir()
        (folder / name / "kustomization.yaml").write_text(f"resources: [../base]\nnamePrefix: {name}-\n")
    (folder / "compose.yaml").write_text(COMPOSE)
    targets = [{"name": name, "path": name} for name in ("dev", "prod")]
    (folder / "clockwork.yaml").write_text(yaml.safe_dump({"version": 1, "targets": targets}))
    return folder


def test_every_target_has_what_it_comes_to(repo: Path) -> None:
    """Rendered objects one a file, what is deployed as it is byte for byte, and an index with true digests."""
    files = open_build(Options(str(repo))).files
    assert sorted(files) == [
        "bundle.json",
        "default/files/compose.yaml",
        "dev/kubernetes/deployment-apps-shop-dev-web.yaml",
        "prod/kubernetes/deployment-apps-shop-prod-web.yaml",
    ]
    assert files["default/files/compose.yaml"] == COMPOSE.encode()
    assert yaml.safe_load(files["prod/kubernetes/deployment-apps-shop-prod-web.yaml"])["metadata"]["name"] == "prod-web"
    index = json.loads(files["bundle.json"])
    told = {each["path"]: (each["sha256"], each["size"]) for each in index["files"]}
    assert told == {
        path: (hashlib.sha256(data).hexdigest(), len(data)) for path, data in files.items() if path != "bundle.json"
    }
    assert {"base/web.yaml", "compose.yaml"} <= set(index["sources"])


def test_another_machine_at_another_time_makes_the_same_bytes(repo: Path, tmp_path: Path) -> None:
    """Neither the folder nor times nor the order of files count."""
    other = tmp_path / "elsewhere" / "shop"
    for file in sorted(repo.rglob("*"), reverse=True):
        if file.is_file():
            copy = other / file.relative_to(repo)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
            os.utime(copy, (1, 1))
    first, second = (open_build(Options(str(each))).files for each in (repo, other))
    assert tar(first) == tar(second)
    assert all(entry.mtime == entry.uid == 0 for entry in opened(tar(first)))


def test_the_layout_is_an_artifact_that_holds_the_bundle(repo: Path) -> None:
    """Every descriptor names a blob that is there, with its digest and size; the layer unpacks to the files."""
    files = open_build(Options(str(repo))).files
    layout = oci_layout(files, name="shop:1", revision="a" * 40, source="acme/shop")
    assert json.loads(layout["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    (named,) = json.loads(layout["index.json"])["manifests"]
    manifest = json.loads(blob(layout, named))
    assert blob(layout, manifest["config"]) == b"{}"
    (layer,) = manifest["layers"]
    archive = opened(gzip.decompress(blob(layout, layer)))
    unpacked = {entry.name: stream.read() for entry in archive if (stream := archive.extractfile(entry))}
    assert unpacked == files


def opened(archive: bytes) -> tarfile.TarFile:
    return tarfile.TarFile(fileobj=io.BytesIO(archive))


def blob(layout: object, descriptor: dict[str, object]) -> bytes:
    assert isinstance(layout, dict)
    data: bytes = layout[f"blobs/{str(descriptor['digest']).replace(':', '/')}"]
    assert (hashlib.sha256(data).hexdigest(), len(data)) == (str(descriptor["digest"])[7:], descriptor["size"])
    return data


def test_what_does_not_render_makes_no_bundle(repo: Path) -> None:
    """A bundle is whole or none."""
    (repo / "prod/kustomization.yaml").write_text("resources: [../nowhere]\n")
    with pytest.raises(Invalid, match="nothing was built"):
        open_build(Options(str(repo)))
    (repo / "prod/kustomization.yaml").write_text("resources: [../base]\n")
    (repo / "compose.yaml").write_text("services: [")
    with pytest.raises(Invalid, match=r"nothing was built(.|\n)*compose\.yaml:\d"):
        open_build(Options(str(repo)))


def test_the_command_writes_where_nothing_is_read(repo: Path, tmp_path: Path) -> None:
    """Never over something, never into the repository; an archive may lie there."""
    done = clockwork("build", "--out", "../out", "--target", "prod", folder=repo)
    assert (done.returncode, done.stdout.startswith("Built ../out: ")) == (0, True)
    assert (tmp_path / "out/bundle.json").is_file()
    assert clockwork("build", "--out", "../out", folder=repo).returncode == 2
    inside = clockwork("build", "--out", "dist", folder=repo)
    assert (inside.returncode, "lies in the repository" in inside.stderr) == (2, True)
    assert clockwork("build", "--out", "b.tar", "--form", "tar", folder=repo).returncode == 0
    assert tarfile.is_tarfile(repo / "b.tar")
    assert not list(tmp_path.glob(".*"))
    assert not list(repo.glob(".b.tar*"))
