"""Small makers of drifts for the tests of this folder."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Any

from bot.model.decision import FixLevel
from bot.model.drift import AddEntry, Drift, DriftKind, Edit, RemoveEntry, SetValue
from bot.model.json import JSON
from bot.model.paths import parse_path
from bot.model.resource import Desired, Platform, ResourceId, SourceKind
from bot.model.severity import Severity
from bot.policy.levels import in_force
from bot.policy.rules import RuleSet

ROOT = FilePath(__file__).parents[2]


def resource(name: str, *, group: str = "") -> ResourceId:
    """``Deployment/shop/web`` as an identity; lower-case kinds are Compose's, dotted ones Terraform's."""
    kind, *scope, last = name.split("/")
    platform = Platform.COMPOSE if kind in {"service", "volume", "network"} else Platform.KUBERNETES
    if "_" in kind:
        platform = Platform.TERRAFORM
    return ResourceId(platform, kind, scope[0] if scope else "", last, group)


def drift(
    name: str = "Deployment/shop/web",
    path: str = "",
    desired: JSON = None,
    observed: JSON = None,
    *,
    kind: DriftKind = DriftKind.CHANGED,
    severity: Severity = Severity.MEDIUM,
    adopt: tuple[Edit, ...] | None = None,
    **more: Any,
) -> Drift:
    """A drift whose edits, unless given, write exactly the observed value."""
    segments = parse_path(path)
    last = segments[-1] if segments and isinstance(segments[-1], str) else "value"
    if adopt is None:
        edits: dict[DriftKind, tuple[Edit, ...]] = {
            DriftKind.CHANGED: (SetValue((last,), observed),),
            DriftKind.ADDED: (AddEntry((), last, observed),),
            DriftKind.MISSING: (RemoveEntry((last,)),),
        }
        adopt = edits.get(kind, ())
    return Drift(
        resource=resource(name),
        task=name.rsplit("/", 1)[-1],
        kind=kind,
        path=segments,
        desired=desired,
        observed=observed,
        severity=severity,
        rule=more.pop("rule", "R-1"),
        adopt=adopt if segments else (),
        **more,
    )


def declared(name: str, tree: dict[str, Any]) -> Desired:
    """A declared resource with this tree."""
    one = resource(name)
    source = SourceKind.COMPOSE if one.platform is Platform.COMPOSE else SourceKind.KUBERNETES
    return Desired(one, one.name, source, tree, "k8s/all.yaml", 1)


def shipped() -> dict[str, bytes]:
    """The rule files that ship with the project."""
    return {str(one.relative_to(ROOT)): one.read_bytes() for one in (ROOT / "policies").glob("levels/*.yaml")}


def rules(level: str = "moderate", own: str = "") -> RuleSet:
    """The rules of a level, after the repository's own."""
    repository = {"policies/own.yaml": own.encode()} if own else {}
    return in_force(FixLevel(level), shipped=shipped(), repository=repository)
