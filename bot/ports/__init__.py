"""The contracts between flows and the outside. Flows know these and the model; adapters satisfy them; wiring joins both.

Every method may raise the errors of :mod:`bot.errors`; what a method raises beyond ``Unavailable`` is said there.
Times are timezone-aware UTC, durations are seconds, shas are 40 hex digits.
"""

from bot.ports.assistants import Assistant, Drafter, SessionRecords, SessionStore
from bot.ports.audience import Meter, Receiver, Unmeasured
from bot.ports.code_host import (
    AttentiveHost,
    BoardHost,
    CodeHost,
    CommitMaker,
    DeployingHost,
    ExaminedHost,
    NotifyingHost,
    Webhooks,
)
from bot.ports.platforms import Applier, ClusterObserver, Observer, ObserverStep, Tell, silent
from bot.ports.plugins import AssistantPlugin, HostContext, HostPlugin, ObserverPlugin, PluginContext, RendererPlugin
from bot.ports.rendering import Bundle, DroppedEntry, Renderer, UnitRenderer, Upstream
from bot.ports.repository import (
    AddingRepository,
    BranchMove,
    Clock,
    CommitInfo,
    Ledger,
    ListingRepository,
    Repository,
    Signature,
    TreeEntry,
)

__all__ = (
    "AddingRepository",
    "Applier",
    "Assistant",
    "AssistantPlugin",
    "AttentiveHost",
    "BoardHost",
    "BranchMove",
    "Bundle",
    "Clock",
    "ClusterObserver",
    "CodeHost",
    "CommitInfo",
    "CommitMaker",
    "DeployingHost",
    "Drafter",
    "DroppedEntry",
    "ExaminedHost",
    "HostContext",
    "HostPlugin",
    "Ledger",
    "ListingRepository",
    "Meter",
    "NotifyingHost",
    "Observer",
    "ObserverPlugin",
    "ObserverStep",
    "PluginContext",
    "Receiver",
    "Renderer",
    "RendererPlugin",
    "Repository",
    "SessionRecords",
    "SessionStore",
    "Signature",
    "Tell",
    "TreeEntry",
    "UnitRenderer",
    "Unmeasured",
    "Upstream",
    "Webhooks",
    "silent",
)
