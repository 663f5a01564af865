"""``clockwork build``: what is in a bundle, that its bytes are the same everywhere, and that others can read it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping
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


COMPOSE_FILES = {
    "compose.yaml": """\
include: [other/compose.yaml]
services:
  web:
    image: nginx:1.27
    env_file: [web.env, {path: absent.env, required: false}]
    extends: {file: base/common.yaml, service: common}
    build: ./app
    volumes:
      - ./conf/app.conf:/etc/app.conf:ro
      - {type: bind, source: ./static, target: /srv}
      - /var/log:/logs
      - data:/data
      - ${WHERE}/x:/x
volumes: {data: {}}
configs: {motd: {file: ./motd.txt}}
secrets: {key: {file: ../outside.key}}
""",
    "compose.override.yaml": "services: {web: {labels: {a: b}}}\n",
    "other/compose.yaml": "services: {side: {image: 'busybox:1.36', env_file: side.env}}\n",
    "other/side.env": "A=1\n",
    "base/common.yaml": "services: {common: {image: 'nginx:1.27', env_file: common.env}}\n",
    "base/common.env": "B=2\n",
    "web.env": "C=3\n",
    "conf/app.conf": "listen 80\n",
    "static/a/b.html": "<p>\n",
    "motd.txt": "hello\n",
    "app/Dockerfile": "FROM scratch\n",
    "unrelated.txt": "no\n",
}


def written(folder: Path, files: Mapping[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def test_what_a_compose_file_names_is_in_the_bundle(tmp_path: Path) -> None:
    """Variables, configurations, mounts, and what is included and extended; what is not held is told with the reason."""
    files = open_build(Options(str(written(tmp_path / "shop", COMPOSE_FILES)))).files
    held = {path.removeprefix("default/files/") for path in files} - {"bundle.json"}
    assert held == COMPOSE_FILES.keys() - {"unrelated.txt", "app/Dockerfile"}
    assert files["default/files/conf/app.conf"] == b"listen 80\n"
    index = json.loads(files["bundle.json"])
    assert {each["path"] for each in index["files"]} == {f"default/files/{path}" for path in held}
    reasons = {each["name"]: each["reason"] for each in index["not_held"]}
    assert {*reasons} == {"absent.env", "./app", "/var/log", "${WHERE}/x", "../outside.key"}
    assert reasons["./app"].startswith("a build context")
    assert {each["by"] for each in index["not_held"]} == {"compose.yaml"}


def test_a_mount_of_the_projects_folder_is_all_that_lies_there(tmp_path: Path) -> None:
    """Containers see every file of the commit in it, so all of them are held."""
    compose = "services: {web: {image: 'nginx:1.27', volumes: ['.:/srv']}}\n"
    for folder in ("", "app/"):
        files = {f"{folder}compose.yaml": compose, f"{folder}src/a.js": "1\n", f"{folder}b.txt": "2\n"}
        built = open_build(Options(str(written(tmp_path / f"of{len(folder)}", files)))).files
        assert {path.removeprefix("default/files/") for path in built} - {"bundle.json"} == files.keys()
        assert json.loads(built["bundle.json"])["not_held"] == []


TERRAFORM_FILES = {
    "infra/main.tf": """\
module "net" {
  source = "../modules/net"
}
module "far" {
  version = "1.0.0"
  source  = "registry.example.com/acme/far/aws"
}
resource "terraform_data" "web" {
  input = templatefile("${path.module}/web.tpl", {a = file("../shared/key.pub")})
}
""",
    "infra/prod.auto.tfvars": "a = 1\n",
    "infra/.terraform.lock.hcl": "# lock\n",
    "infra/web.tpl": "hi\n",
    "infra/notes.md": "no\n",
    "modules/net/main.tf": 'resource "terraform_data" "net" {\n  input = file("${path.module}/net.txt")\n}\n',
    "modules/net/net.txt": "net\n",
    "shared/key.pub": "ssh-ed25519 AAAA\n",
}


def test_what_a_terraform_module_names_is_in_the_bundle(tmp_path: Path) -> None:
    """Its variables and lock, modules of the repository, and what functions read; other modules are told."""
    files = open_build(Options(str(written(tmp_path / "shop", TERRAFORM_FILES)))).files
    held = {path.removeprefix("default/files/") for path in files} - {"bundle.json"}
    assert held == TERRAFORM_FILES.keys() - {"infra/notes.md"}
    (told,) = json.loads(files["bundle.json"])["not_held"]
    assert (told["name"], told["by"]) == ("registry.example.com/acme/far/aws", "infra/main.tf")


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
