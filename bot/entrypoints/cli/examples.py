"""Command lines that work as they stand, shown at the end of each verb's ``--help``. A test parses every one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import typer

_SHOP: Final = "--repo https://github.com/acme/shop"
EXAMPLES: Final[Mapping[str, tuple[str, ...]]] = {
    "": (
        "clockwork demo                             see the whole loop",
        "clockwork drift --live live.json           compare this folder",
        "clockwork init                             begin in this repository",
        "clockwork doctor                           what would fail, and what to do",
    ),
    "init": (
        "clockwork init",
        "clockwork init --dry-run --no-workflow",
        "clockwork init --action OWNER/REPO@0123456789abcdef0123456789abcdef01234567",
        f"clockwork init {_SHOP} --pull-request",
    ),
    "doctor": ("clockwork doctor", f"clockwork doctor {_SHOP}", "clockwork doctor --offline --json"),
    "check-config": ("clockwork check-config", "clockwork check-config --settings draft.yaml"),
    "schema": (
        "clockwork schema > .clockwork/clockwork.schema.json",
        "clockwork schema --markdown",
        "clockwork schema --fleet > fleet.schema.json",
    ),
    "demo": ("clockwork demo", "clockwork demo --no-serve --json"),
    "drift": (
        "kubectl get deploy,svc,cm -A -o json > live.json",
        "clockwork drift --live live.json",
        "clockwork drift --live live.json --target prod --exit-code",
        "clockwork drift --json --schema",
    ),
    "plan": (
        "clockwork plan --live live.json",
        f"clockwork plan {_SHOP} --target prod --out prod.plan",
        f"clockwork plan {_SHOP} --target prod --check prod.plan",
        "clockwork plan --json --schema",
    ),
    "build": (
        "clockwork build --out ../bundle",
        "clockwork build --target prod --form tar --out bundle.tar",
        f"clockwork build {_SHOP} --form oci --out ../layout",
    ),
    "apply": (
        f"clockwork apply {_SHOP} --target prod",
        f"clockwork apply prod.plan {_SHOP} --target prod",
        f"clockwork apply {_SHOP} --auto-approve --json",
    ),
    "verify": (f"clockwork verify {_SHOP}", "clockwork verify --live live.json --wait 0 --no-publish"),
    "reconcile": (
        f"clockwork reconcile {_SHOP} --dry-run",
        f"clockwork reconcile {_SHOP} --target prod",
        "clockwork reconcile --summary summary.md",
    ),
    "simulate": (
        "clockwork simulate --live live.json",
        "clockwork simulate --at 3d",
        "clockwork simulate --assume d.json",
    ),
    "explain": ("clockwork explain prod/Deployment/shop/api", "clockwork explain Deployment/shop/api --json"),
    "guard diff": (
        "clockwork guard diff main",
        "clockwork guard diff --staged",
        "clockwork guard diff HEAD~1 --exit-code",
    ),
    "guard pr": (f"clockwork guard pr 7 {_SHOP} --exit-code",),
    "guard rules": ("clockwork guard rules",),
    "guard test": ("clockwork guard test policies/guardrails/ours.md",),
    "guard run": (
        'clockwork guard run --tool claude "Pin the images of k8s/base"',
        "clockwork guard run --tool codex --apply --file prompt.txt",
    ),
    "guard compile": ('clockwork guard compile prod/Deployment/shop/api "alert rules" --into apps/alerts',),
    "propose": ("clockwork propose prod/Deployment/shop/api",),
    "halt": ('clockwork halt -m "audit until Friday"',),
    "resume": ('clockwork resume -m "audit is over"', 'clockwork resume Deployment/shop/api -m "fixed"'),
    "suspend": ('clockwork suspend Deployment/shop/api -m "load test" --until 2h',),
    "unsuspend": ('clockwork unsuspend Deployment/shop/api -m "load test is over"',),
    "retry": ('clockwork retry 0123456789abcdef-0123456789abcdef -m "we do want it"',),
    "ignore": ('clockwork ignore 0123456789abcdef-0123456789abcdef -m "never"',),
    "comments": (f"clockwork comments 7 {_SHOP}",),
    "ledger show": ("clockwork ledger show",),
    "ledger verify": ("clockwork ledger verify",),
    "policy show": ("clockwork policy show", "clockwork policy show --json"),
    "policy set": ("clockwork policy set moderate --pull-request",),
    "render": (
        "clockwork render",
        "clockwork render --check",
        "clockwork render Deployment/shop/web | kubectl apply -f -",
    ),
    "targets": ("clockwork targets", "clockwork targets --all", "clockwork targets --target prod --json"),
    "origin": ("clockwork origin Deployment/shop/api spec.replicas --target prod",),
    "applied": ("clockwork applied", "clockwork applied HEAD~1"),
    "report": ("clockwork report --stdout", f"clockwork report {_SHOP}"),
    "stats": ("clockwork stats", "clockwork stats --json"),
    "sessions list": ("clockwork sessions list --since 7d --verdict block",),
    "sessions show": ("clockwork sessions show 3f2a",),
    "agents list": ("clockwork agents list",),
    "worker run": ("clockwork worker run analysis --once",),
    "worker status": ("clockwork worker status",),
    "daemon run": (f"clockwork daemon run {_SHOP}",),
    "daemon start": (f"clockwork daemon start --background {_SHOP}",),
    "daemon status": ("clockwork daemon status", "clockwork daemon status --json"),
    "daemon check": ("clockwork daemon check",),
    "daemon pause": ('clockwork daemon pause -m "cluster upgrade"',),
    "daemon stop": ("clockwork daemon stop --timeout 60",),
    "fleet list": ("clockwork fleet list", "clockwork fleet list fleet.yaml --json"),
    "fleet run": (
        "clockwork fleet run fleet.yaml",
        "clockwork fleet run fleet.yaml --once --workers 8",
        "clockwork fleet run --once --only acme/shop",
        "clockwork fleet run fleet.yaml --celery redis://queue:6379/0",
    ),
    "fleet worker": ("clockwork fleet worker fleet.yaml --celery redis://queue:6379/0",),
    "notify test": ("clockwork notify test", "clockwork notify test --receiver team"),
    "sandbox serve": ("clockwork sandbox serve", "clockwork sandbox serve --dir sandbox --port 8080"),
}
"""The words of a verb, empty for the program itself, to command lines."""

SUMMARIES: Final[Mapping[str, str]] = {
    "render": "Render .cw files, or print one object for kubectl.",
    "demo": "Run the real bot on a made-up shop.",
    "init": "Add what a repository needs to begin.",
    "check-config": "Check settings, rules, ignore rules and guardrails.",
    "schema": "Print the JSON Schema of clockwork.yaml.",
    "build": "Write what a commit comes to for each target.",
    "plan": "Show what would be done to make what runs what Git says.",
    "apply": "Do what a plan says, and verify it.",
    "verify": "Wait until what runs is what Git says, and say so.",
    "propose": "Have an AI tool propose the patch of a task.",
    "halt": "Stop every write of every run, wherever it runs.",
    "targets": "List where the repository is deployed to.",
    "origin": "Show which line sets a value that is deployed.",
    "report": "Write AI_Failure_Modes.md where its picture changed.",
    "stats": "Totals, success rate and times of guarded runs.",
    "guard run": "Have an AI tool do what a prompt says.",
    "guard compile": "Have an AI tool write new manifests for a task.",
    "guard pr": "Judge a pull request and publish the check.",
    "guard diff": "Judge what changed since a commit.",
    "policy set": "Set the level in Git.",
    "worker run": "Run one worker, at its interval or once.",
    "worker status": "Show each worker with its last run and its next.",
    "worker stop": "Stop a worker on this machine.",
    "fleet list": "List the repositories of a fleet.",
    "fleet run": "Run the repositories of a fleet, until stopped or once.",
    "fleet worker": "Carry out runs of a Celery queue.",
    "daemon start": "Start the daemon, also in the background.",
    "daemon run": "Keep the repository until stopped.",
    "daemon check": "Have the running daemon run now.",
    "daemon pause": "Have this one daemon write nothing.",
}
"""Verbs whose first sentence is longer than a line of the list of verbs holds."""


def add_examples(app: typer.Typer) -> None:
    """Every verb that has examples shows them at the end of its help, one a line as they are written; lists of verbs have
    whole sentences.
    """
    if app.registered_callback is not None:
        app.registered_callback.epilog = _epilog(EXAMPLES[""])
    for verbs, command in _commands(app, ""):
        command.short_help = SUMMARIES.get(verbs)
        if (lines := EXAMPLES.get(verbs)) is not None:
            command.epilog = _epilog(lines)


def verb_name(function: Callable[..., Any]) -> str:
    """What Typer calls a verb that is not named."""
    return function.__name__.replace("_", "-")


def _epilog(lines: tuple[str, ...]) -> str:
    # A line of \\b keeps those below it as they are (Click documentation, "Documenting Scripts", Escaping Click's Wrapping).
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def _commands(app: typer.Typer, before: str) -> Iterator[tuple[str, typer.models.CommandInfo]]:
    for command in app.registered_commands:
        name = command.name or (verb_name(command.callback) if command.callback else "")
        yield f"{before}{name}", command
    for group in app.registered_groups:
        if group.typer_instance is not None:
            yield from _commands(group.typer_instance, f"{before}{group.name} ")
