"""Image references as registries resolve them."""

from __future__ import annotations

import pytest

from bot.drift.images import Image, agrees, image, moved, parse
from bot.model.json import JSON
from tests.table import table

A, B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


@table(
    ("reference", "parsed"),
    [
        ("nginx", Image("docker.io", "library/nginx", "latest", "")),
        ("my.image", Image("docker.io", "library/my.image", "latest", "")),
        ("localhost", Image("docker.io", "library/localhost", "latest", "")),
        (" nginx:1 ", Image("docker.io", "library/nginx", "1", "")),
        ("shop/web:1", Image("docker.io", "shop/web", "1", "")),
        ("docker.io/nginx", Image("docker.io", "library/nginx", "latest", "")),
        ("index.docker.io/nginx", Image("docker.io", "library/nginx", "latest", "")),
        ("registry-1.docker.io/a/b", Image("docker.io", "a/b", "latest", "")),
        ("registry.hub.docker.com/library/x:2", Image("docker.io", "library/x", "2", "")),
        ("ghcr.io/shop/web:1", Image("ghcr.io", "shop/web", "1", "")),
        ("GHCR.io/web", Image("ghcr.io", "web", "latest", "")),
        ("localhost/web", Image("localhost", "web", "latest", "")),
        ("localhost:5000/web:1", Image("localhost:5000", "web", "1", "")),
        ("host:5000/a/b", Image("host:5000", "a/b", "latest", "")),
        (f"nginx@{A}", Image("docker.io", "library/nginx", "", A)),
        (f"nginx:1@{A}", Image("docker.io", "library/nginx", "1", A)),
        (f"nginx:{'t' * 128}", Image("docker.io", "library/nginx", "t" * 128, "")),
        (A, None),
        (f" {A}", None),
        ("sha256:abc", None),
        ("", None),
        ("${IMAGE}", None),
        ("nginx:", None),
        ("a/", None),
        ("ghcr.io/", None),
        ("nginx:1:", None),
        ("nginx@sha256:abc", None),
        ("-nginx", None),
        ("nginx 1", None),
        ("nginx:é", None),
    ],
)
def test_a_reference_names_an_image(reference: str, parsed: Image | None) -> None:
    """With every default written out; what is no reference names none."""
    assert parse(reference) == parsed


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        (f"ghcr.io/a@{A}", f"ghcr.io/a@{A}"),
        (f"a/b:1@{A}", f"docker.io/a/b:1@{A}"),
        ("${IMAGE}", "${IMAGE}"),
        (5, 5),
        (None, None),
    ],
)
def test_a_reference_is_written_out(value: JSON, written: JSON) -> None:
    """Anything else comes back."""
    assert image(value) == written


@table(
    ("desired", "observed", "same"),
    [
        ("nginx", "docker.io/library/nginx:latest", True),
        ("nginx:1", f"nginx:1@{A}", True),
        ("nginx:1", f"nginx:2@{A}", False),
        ("nginx:1", f"nginx@{A}", False),
        (f"nginx:1@{A}", f"nginx:2@{A}", True),
        (f"nginx:1@{A}", f"nginx:1@{B}", False),
        (f"nginx:1@{A}", "nginx:1", False),
        ("ghcr.io/a", "quay.io/a", False),
        ("shop/a", "shop/b", False),
        ("${A}", "${A}", True),
        ("${A}", "nginx", False),
        ("nginx", "${A}", False),
        ("nginx", None, False),
        (None, "nginx", False),
        (None, None, True),
        (1, 1, True),
    ],
)
def test_an_image_is_what_was_asked_for(desired: JSON, observed: JSON, *, same: bool) -> None:
    """A declared digest must be met; a digest that a tag was resolved to is no difference."""
    assert agrees(desired, observed) is same


@table(
    ("desired", "observed", "is_moved"),
    [
        (f"nginx:1@{A}", f"nginx:1@{B}", True),
        (f"nginx:1@{A}", f"nginx@{B}", True),
        (f"nginx@{A}", f"nginx:1@{B}", True),
        (f"nginx@{A}", f"nginx@{B}", True),
        (f"nginx:1@{A}", f"nginx:2@{B}", False),
        (f"nginx:1@{A}", f"nginx:1@{A}", False),
        (f"nginx:1@{A}", "nginx:1", False),
        ("nginx:1", f"nginx:1@{B}", False),
        (f"ghcr.io/a@{A}", f"quay.io/a@{B}", False),
        (f"shop/a@{A}", f"shop/b@{B}", False),
        (None, f"a@{A}", False),
        (f"a@{A}", None, False),
        ("${A}", f"a@{A}", False),
        (f"a@{A}", "${A}", False),
    ],
)
def test_an_image_moved_when_only_its_content_is_another(desired: JSON, observed: JSON, *, is_moved: bool) -> None:
    """Two digests of one repository, under one tag where both say one."""
    assert moved(desired, observed) is is_moved
