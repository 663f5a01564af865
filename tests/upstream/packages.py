"""Charts and archives as their tools pack them, and the index of a chart repository, made by hand."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence

CHART = {
    "Chart.yaml": "apiVersion: v2\nname: NAME\nversion: VERSION\nappVersion: '7.7'\n",
    "values.yaml": "replicas: 1\nimage: {tag: ''}\nlevel: info\n",
    "templates/web.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}-NAME}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, chart: "{{ .Chart.Version }}"}}
    spec:
      containers:
        - name: web
          image: "example.com/NAME:{{ .Values.image.tag | default .Chart.AppVersion }}"
          env: [{name: LEVEL, value: {{ .Values.level | quote }}}]
""",
}


def chart(name: str, version: str, more: Mapping[str, str] | None = None) -> bytes:
    """A packaged chart with a Deployment, and ``more`` files in the place of its own."""
    files = {**CHART, **(more or {})}
    filled = {path: text.replace("NAME", name).replace("VERSION", version) for path, text in files.items()}
    return archive({f"{name}/{path}": text.encode() for path, text in filled.items()})


def archive(files: Mapping[str, bytes], members: Sequence[tarfile.TarInfo] = ()) -> bytes:
    """A gzipped tar of files, after which come ``members`` without contents."""
    target = io.BytesIO()
    with gzip.GzipFile(fileobj=target, mode="wb", mtime=0) as stream, tarfile.open(fileobj=stream, mode="w") as tar:
        for path, data in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        for member in members:
            tar.addfile(member)
    return target.getvalue()


def digest(data: bytes) -> str:
    """The SHA-256 of bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def index(charts: Mapping[str, Sequence[Mapping[str, object]]]) -> bytes:
    """An ``index.yaml`` with versions as given: ``version``, ``urls``, ``digest``, ``created``."""
    entries = {
        name: [{"apiVersion": "v2", "name": name, **each} for each in versions] for name, versions in charts.items()
    }
    return json.dumps({"apiVersion": "v1", "entries": entries, "generated": "2025-01-01T00:00:00Z"}).encode()
