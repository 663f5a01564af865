"""Laws of the comparison: canonical forms are fixed points, nothing differs from itself, defaults say nothing."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.drift.canonical import canonical
from bot.drift.compose.declared import long_form
from bot.drift.compose.shape import service_shape
from bot.drift.images import agrees
from bot.drift.kubernetes.defaults import DEFAULTS
from bot.drift.kubernetes.kinds import TYPES, shape_of
from bot.drift.shapes import COMPARATORS, Form, Shape
from bot.model.json import JSON
from bot.model.resource import Desired, Observed, Platform, ResourceId, SourceKind
from tests.corpus import cases, own
from tests.drift.makers import OPTIONS, Pair, declared, diff, live, running, service

EXAMPLES = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])

SPELLINGS = st.one_of(
    st.text(max_size=12),
    st.from_regex(r"[+-]?\d{0,4}\.?\d{0,3}([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d{1,2})?", fullmatch=True),
    st.from_regex(r"(\d{1,4}(\.\d)?(ns|us|ms|s|m|h)){1,3}", fullmatch=True),
    st.from_regex(
        r"([a-z0-9.-]{1,8}(:\d{2,4})?/)?[a-z0-9]{1,6}(/[a-z]{1,4})?(:[\w.]{1,6})?(@sha256:[0-9a-f]{64})?",
        fullmatch=True,
    ),
    st.from_regex(r"0[0-7]{1,4}|\d{1,5}[kmgtKMGT]?b?", fullmatch=True),
    st.sampled_from(["yes", "no", "TRUE", "off", "on", "0", "1", "", "25%", "-0", "+0", ".5", "1e3", "0x1"]),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False),
    st.booleans(),
    st.none(),
)
KEYS = st.one_of(
    st.sampled_from(sorted({key for rows in TYPES.values() for keys in rows for key in keys.split()})),
    st.text(max_size=4),
)
TREES: st.SearchStrategy[Any] = st.recursive(
    SPELLINGS,
    lambda inside: st.one_of(
        st.lists(inside, max_size=4),
        st.dictionaries(KEYS, inside, max_size=5),
        st.dictionaries(st.sampled_from(["name", "value", "key"]), inside),
    ),
    max_leaves=12,
)
OBJECTS = st.dictionaries(KEYS, TREES, max_size=8)
SERVICES = st.dictionaries(st.sampled_from([*long_form.READERS, "deploy", "build"]), TREES, max_size=8)


@pytest.mark.parametrize("name", sorted(COMPARATORS))
@given(value=TREES)
@EXAMPLES
def test_every_comparator_is_idempotent(name: str, value: JSON) -> None:
    """The canonical spelling of a canonical spelling is itself."""
    once = COMPARATORS[name](value)
    assert json.dumps(COMPARATORS[name](once)) == json.dumps(once)


@given(
    kind=st.sampled_from([("apps", "Deployment"), ("", "Service"), ("", "Secret"), ("", "Endpoints"), ("x", "Y")]),
    tree=OBJECTS,
)
@EXAMPLES
def test_the_canonical_form_of_a_tree_is_a_fixed_point(kind: tuple[str, str], tree: dict[str, JSON]) -> None:
    """Whatever stands where, even nonsense, canonical forms do not change any more."""
    shape = shape_of(*kind)
    once = canonical(tree, shape)
    assert json.dumps(canonical(once, shape)) == json.dumps(once)


@given(tree=SERVICES)
@EXAMPLES
def test_the_long_form_of_a_service_is_its_own_long_form(tree: dict[str, JSON]) -> None:
    """Short syntax is read once; what was read reads the same again."""
    once = long_form.service(tree)
    assert json.dumps(long_form.service(once)) == json.dumps(once)
    form = canonical(once, service_shape())
    assert json.dumps(canonical(form, service_shape())) == json.dumps(form)


@given(
    kind=st.sampled_from([("apps/v1", "Deployment"), ("v1", "Service"), ("v1", "Secret"), ("a.com/v1", "Thing")]),
    tree=OBJECTS,
)
@EXAMPLES
def test_nothing_differs_from_itself(kind: tuple[str, str], tree: dict[str, JSON]) -> None:
    """An object compared with a copy of itself has no drift, whatever is in it."""
    whole = {**tree, "apiVersion": kind[0], "kind": kind[1], "metadata": {"name": "x"}}
    assert diff(Pair(declared(whole), live(copy.deepcopy(whole))), OPTIONS) == ()


@given(tree=SERVICES)
@EXAMPLES
def test_no_service_differs_from_itself(tree: dict[str, JSON]) -> None:
    """Nor does a service, in short or long form."""
    assert diff(Pair(service(tree), running(copy.deepcopy(tree))), OPTIONS) == ()
    assert diff(Pair(service(tree), running(long_form.service(tree))), OPTIONS) == ()


@given(tree=OBJECTS, other=OBJECTS)
@EXAMPLES
def test_any_two_objects_can_be_compared(tree: dict[str, JSON], other: dict[str, JSON]) -> None:
    """Nonsense on either side is compared as it is; nothing crashes, and the same pair gives the same drifts."""
    id_ = ResourceId(Platform.KUBERNETES, "Deployment", "", "x", "apps")
    desired = Desired(id_, "x", SourceKind.KUBERNETES, tree, "f", 1)
    first = diff(Pair(desired, Observed(id_, other)), OPTIONS)
    second = diff(Pair(desired, Observed(id_, copy.deepcopy(other))), OPTIONS)
    assert [drift.id for drift in first] == [drift.id for drift in second]


@given(raw=SERVICES, other=SERVICES)
@EXAMPLES
def test_any_two_services_can_be_compared(raw: dict[str, JSON], other: dict[str, JSON]) -> None:
    """The same for services."""
    diff(Pair(service(raw), running(other)), OPTIONS)


def filled(tree: JSON, shape: Shape) -> JSON:
    """``tree`` as a server would return it: every default of the table written out."""
    if isinstance(tree, list):
        return [filled(element, shape.element) for element in tree]
    if not isinstance(tree, dict):
        return tree
    full: dict[str, JSON] = {key: filled(value, shape.child(key)) for key, value in tree.items() if value is not None}
    if shape.form is Form.STRUCT:
        for key, child in shape.fields.items():
            if key not in full and child.default is not None and (usual := child.default.of(tree)) is not None:
                full[key] = filled(copy.deepcopy(usual), child)
    return full


def objects(path: Path) -> list[dict[str, Any]]:
    """The Kubernetes objects of one file."""
    documents = yaml.safe_load_all(path.read_text())
    return [tree for tree in documents if isinstance(tree, dict) and "kind" in tree and "metadata" in tree]


DECLARED = [
    *cases("manifests", "*.yaml"),
    *cases("kubernetes", "*-config.*", beside="kubernetes-drift"),
    *cases("rendered", "bridge_expected-kubernetes*", beside="compose"),
]


def test_the_corpus_holds_objects_of_many_kinds() -> None:
    """What the next law says is said about something."""
    paths = [*own("manifests", "*.yaml"), *own("kubernetes", "*-config.*")]
    trees = [tree for path in paths for tree in objects(path)]
    assert len({tree["kind"] for tree in trees}) > 20


@pytest.mark.parametrize("path", DECLARED)
def test_defaults_written_out_are_no_drift(path: Path) -> None:
    """Every object of the corpus, with all defaults of the table as a server fills them in, has no drift."""
    for tree in objects(path):
        desired = declared(tree)
        whole = filled(tree, shape_of(desired.id.group, desired.id.kind))
        assert isinstance(whole, dict)
        assert diff(Pair(desired, Observed(desired.id, whole)), OPTIONS) == (), desired.id
        assert diff(Pair(declared(whole), Observed(desired.id, tree)), OPTIONS) == (), desired.id


def test_every_default_names_its_source() -> None:
    """The table says where each default comes from, and knows every type it speaks of."""
    assert all(default.source for fields in DEFAULTS.values() for default in fields.values())
    assert set(DEFAULTS) <= set(TYPES)


@pytest.mark.parametrize(
    ("desired", "observed", "same"),
    [
        ("nginx", "docker.io/library/nginx:latest", True),
        ("index.docker.io/shop/web:1", "shop/web:1", True),
        ("nginx:1", f"nginx:1@sha256:{'a' * 64}", True),
        (f"nginx:1@sha256:{'a' * 64}", f"nginx@sha256:{'a' * 64}", True),
        (f"nginx:1@sha256:{'a' * 64}", "nginx:1", False),
        ("nginx:1", "nginx:2", False),
        ("nginx", "evil.example/nginx", False),
        ("localhost:5000/a", "docker.io/localhost:5000/a", False),
        ("${IMAGE}", "${IMAGE}", True),
    ],
)
def test_image_references_agree_by_what_they_name(desired: str, observed: str, *, same: bool) -> None:
    """Registry, library and latest are written out; a declared digest must be met."""
    assert agrees(desired, observed) is same


@pytest.mark.parametrize(
    ("comparator", "spelling", "other"),
    [
        ("quantity", "1000m", 1),
        ("quantity", "1Gi", "1073741824"),
        ("quantity", "1.5Gi", "1536Mi"),
        ("quantity", "1e3", "1k"),
        ("quantity", "0.1", "100m"),
        ("quantity", "1E", "1000P"),
        ("quantity", "1500000u", "1.5"),
        ("quantity", ".5", "500m"),
        ("duration", "90s", "1m30s"),
        ("duration", "1.5h", "1h30m0s"),
        ("duration", "1500ms", "1.5s"),
        ("intstr", "80", 80),
        ("mode", "0644", 420),
        ("mode", "0o644", 420),
        ("boolean", "yes", True),
        ("size", "1.5g", 1610612736),
        ("number", "0.50", 0.5),
        ("text", True, "true"),
        ("base64", "YQ==\n", "YQ=="),
    ],
)
def test_spellings_of_one_value_are_one(comparator: str, spelling: JSON, other: JSON) -> None:
    """Each comparator maps every spelling to the same value."""
    assert COMPARATORS[comparator](spelling) == COMPARATORS[comparator](other)
