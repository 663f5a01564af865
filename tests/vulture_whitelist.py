"""What no module of this repository reads and still is no dead code, for vulture; mypy keeps these names true.

What libraries call by name (HTTP handlers, libgit2's callbacks, columns of rows) is listed in ``pyproject.toml``.
"""

from __future__ import annotations

from bot.api import ClockworkDaemon
from bot.entrypoints.daemon.log import _Lines as StructuredLines
from bot.model.decision import FixLevel
from bot.model.resource import Syntax
from bot.model.target import RenderedObject, Rendering, Target, UnitKind
from bot.ports import AssistantPlugin, HostPlugin, ObserverPlugin, RendererPlugin
from bot.secrecy.providers import TokenProvider
from bot.workers.picture import FailureCost, FailureMode, FailurePicture

WORDS_OF_CLOSED_LISTS = (
    FixLevel.MODERATE,
    FixLevel.AGGRESSIVE,
    Syntax.HCL,
    UnitKind.KUSTOMIZE,
    UnitKind.HELM,
    UnitKind.DIRECTORY,
    UnitKind.FLUX_KUSTOMIZATION,
    UnitKind.FLUX_HELM_RELEASE,
    UnitKind.ARGO_APPLICATION,
)
"""Settings or files name them; code never singles them out."""


PLUGIN_CONTRACTS = (
    ObserverPlugin.__call__,
    AssistantPlugin.__call__,
    RendererPlugin.__call__,
    HostPlugin.__call__,
)
"""Packages outside of this repository satisfy them."""


EXAMPLES = (ClockworkDaemon.get_status, ClockworkDaemon.trigger_manual_check)
"""The examples in their docstrings call them."""


def facts_of_targets(target: Target, tree: RenderedObject, rendering: Rendering) -> tuple[object, ...]:
    """Facts that values carry for whoever renders or reads them."""
    return target.units, tree.opaque, rendering.left_out


def facts_of_providers(provider: TokenProvider) -> tuple[object, ...]:
    """When somebody last looked at the source."""
    return (provider.checked,)


def facts_of_failures(cost: FailureCost, mode: FailureMode, drawn: FailurePicture) -> tuple[object, ...]:
    """What only the template of the failure modes reads."""
    return cost.usd, mode.culprit_rate, drawn.categories, drawn.shares


def levels_of_a_log(lines: StructuredLines) -> object:
    """A level that structlog calls by its name."""
    return lines.debug


__all__ = [
    "EXAMPLES",
    "PLUGIN_CONTRACTS",
    "WORDS_OF_CLOSED_LISTS",
    "facts_of_failures",
    "facts_of_providers",
    "facts_of_targets",
    "levels_of_a_log",
]
