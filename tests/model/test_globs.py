"""Patterns over files, over names, over resources and over canonical paths."""

from __future__ import annotations

from bot.model.globs import (
    any_name_matches,
    check_file_glob,
    file_matches,
    name_matches,
    path_covers,
    path_matches,
    path_matches_or_above,
    resource_matches,
)
from bot.model.paths import parse_path
from tests.table import table


@table(
    ("pattern", "path", "matches"),
    [
        ("**/*.py", "a.py", True), ("**/*.py", "a/b/c.py", True), ("*.py", "a/b.py", False), ("src/**", "src/a/b", True),
        ("a/?.x", "a/b.x", True), ("*.{ya,y}ml", "a.yml", True), ("a/**/b", "a/b", True), ("**", "x/y", True),
    ],
)  # fmt: skip
def test_file_globs(pattern: str, path: str, matches: bool) -> None:
    """Two stars cross folders, one does not."""
    check_file_glob(pattern)
    assert file_matches(path, (pattern,)) is matches


@table(
    ("pattern", "name", "matches"),
    [
        ("*", "", True),
        ("*/web", "Deployment/shop/web", True),
        ("web-?", "web-1", True),
        ("web-?", "web-", False),
        ("w?b*?", "web1", True),
        ("w?b*?", "web", False),
        ("dependabot[bot]", "dependabot[bot]", True),
        ("dependabot[bot]", "dependabotb", False),
        ("a*b*c", "axbxbc", True),
        ("a*b*c", "axcxb", False),
        ("a.c", "abc", False),
    ],
)
def test_name_globs(pattern: str, name: str, matches: bool) -> None:
    """``*`` is any characters, slashes among them, ``?`` is one, and brackets are brackets."""
    assert name_matches(pattern, name) is matches
    assert any_name_matches(("other*|.", pattern, "x?y"), name) is matches
    assert not any_name_matches((), name)


@table(
    ("pattern", "name", "matches"),
    [
        ("Deployment/shop/web", "Deployment/shop/web", True),
        ("Deployment/shop/*", "Deployment/shop/web", True),
        ("Deployment/*", "Deployment/shop/web", False),
        ("Deployment/**", "Deployment/shop/web", True),
        ("**/web", "Deployment/shop/web", True),
        ("*/shop/w*b", "Deployment/shop/web", True),
        ("Deployment", "Deployment/shop/web", True),
        ("**", "ClusterRole/x", True),
        ("Deploy*/shop/web-*", "Deployment/shop/web", False),
        ("deployment/shop/web", "Deployment/shop/web", False),
    ],
)
def test_resource_globs(pattern: str, name: str, matches: bool) -> None:
    """``*`` stays inside one part, ``**`` crosses parts, a lone word is the kind."""
    assert resource_matches(pattern, name) is matches


@table(
    ("pattern", "path", "matches"),
    [
        ("spec.replicas", "spec.replicas", True),
        ("spec.*", "spec.replicas", True),
        ("spec.*", "spec.a.b", False),
        ("spec.**", "spec.a.b", True),
        ("spec.**", "spec", True),
        ("**.image", "spec.template.spec.containers[web].image", True),
        ("**.containers[*].image", "spec.template.spec.containers[web].image", True),
        ("**.containers[w*].image", "spec.template.spec.containers[web].image", True),
        ("**.containers[db].image", "spec.template.spec.containers[web].image", False),
        ("**.containers.*.image", "spec.template.spec.containers[web].image", False),
        ("command[*]", "command[#3]", True),
        ("command[#3]", "command[#3]", True),
        ('metadata.labels["a.b/*"]', 'metadata.labels["a.b/c"]', True),
        ('metadata.labels["a.b/*"]', 'metadata.labels["a-b/c"]', False),
        ("", "", True),
        ("", "spec", False),
        ("**", "", True),
        ("**.a.**.a", "a.b.a.b.a", True),
        ("**.a.**.a", "a.b.b", False),
    ],
)
def test_path_globs(pattern: str, path: str, matches: bool) -> None:
    """``**`` stands for any segments, ``[*]`` for any element, and a key pattern never matches an element."""
    assert path_matches(pattern, parse_path(path)) is matches
    if pattern:
        or_above = path_matches(f"{pattern}.**", parse_path(path))
        assert path_matches_or_above(pattern, parse_path(path)) is or_above is (matches or or_above)


@table(
    ("pattern", "path", "expected"),
    [
        ("", "spec.replicas", True),
        ("spec", "spec.replicas", True),
        ("spec.replicas", "spec", False),
        ("spec.containers[*].image", "spec.containers[web].image", True),
        ("spec.containers[web].image", "spec.containers[db].image", False),
        ("spec.ports[80/*]", "spec.ports[80/TCP].targetPort", True),
        ('metadata.annotations["a.b/c"]', 'metadata.annotations["a.b/c"]', True),
        ("**.image", "spec.template.spec.containers[web].image", True),
        ("*.replicas", "spec.replicas", True),
        ("rules[*].verbs", "rules[#2].verbs", True),
        ("spec.x", "spec.y", False),
        ("**.a.**.a", "a.b.a.c", True),
        ("metadata.labels[*]", "metadata.labels.app", True),
        ("spec.containers.*.image", "spec.containers[web].image", True),
    ],
)
def test_a_path_covers_its_place_and_everything_below(pattern: str, path: str, *, expected: bool) -> None:
    """``[*]`` is any element, ``*`` any key, ``**`` any way down."""
    assert path_covers(parse_path(pattern), parse_path(path)) is expected
