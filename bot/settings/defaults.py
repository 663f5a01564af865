"""What settings say where nobody wrote any. ``python .github/scripts/defaults.py`` writes it; a test compares it with the
models.
"""

from __future__ import annotations

from typing import Final

from bot.model.choices import FixLevel, Join, Mode
from bot.settings.unwritten import UnwrittenSection

DEFAULTS: Final = UnwrittenSection(
    "",
    {
        "version": 1,
        "repository": None,
        "branch": None,
        "remote": None,
        "host": UnwrittenSection(
            "host",
            {
                "kind": "github",
                "options": {},
            },
        ),
        "github": UnwrittenSection(
            "github",
            {
                "api_url": None,
                "labels": ["clockwork"],
                "min_write_interval": 1.0,
                "branch_prefix": "clockwork/",
                "dashboard": False,
                "assignees": [],
                "reviewers": [],
                "assign_owners": False,
                "app": None,
            },
        ),
        "renderer": UnwrittenSection(
            "renderer",
            {
                "kind": "forge",
                "options": {},
            },
        ),
        "sources": UnwrittenSection(
            "sources",
            {
                "include": ["**"],
                "exclude": [],
                "project": None,
                "variables": {},
            },
        ),
        "compose": [],
        "observe": UnwrittenSection(
            "observe",
            {
                "snapshot": None,
                "docker": None,
                "kubernetes": None,
                "terraform": None,
                "http": [],
                "plugins": {},
                "deadline": 120,
            },
        ),
        "targets": [],
        "argo": UnwrittenSection(
            "argo",
            {
                "clusters": [],
            },
        ),
        "fetch": UnwrittenSection(
            "fetch",
            {
                "hosts": [],
                "private_hosts": [],
                "refresh": 600,
                "timeout": 60,
                "max_mib": 64,
                "cache_mib": 1024,
            },
        ),
        "helm": UnwrittenSection(
            "helm",
            {
                "kube_version": "",
                "api_versions": [],
            },
        ),
        "apply": UnwrittenSection(
            "apply",
            {
                "after_merge": False,
                "restore": False,
                "step_timeout": 300,
                "force_conflicts": False,
                "environment": "",
            },
        ),
        "fixes": UnwrittenSection(
            "fixes",
            {
                "level": FixLevel.CONSERVATIVE,
                "per_hour": 2,
                "cooldown": 600,
                "task_failures": 3,
                "total_failures": 10,
                "repository_per_hour": 20,
                "severity_per_hour": {},
                "breaker_corrections": 3,
                "breaker_window": 86400,
                "proposals_per_hour": 30,
                "pull_requests_per_hour": 2,
                "open_pull_requests": 10,
                "joined_from": 3,
                "join": Join.CHANGE,
                "windows": [],
                "max_removed": 10,
                "max_removed_percent": None,
            },
        ),
        "guard": UnwrittenSection(
            "guard",
            {
                "mode": Mode.STANDARD,
                "check": "clockwork/guardrails",
                "assistants": [],
                "agents": {},
                "known_packages": [],
                "public_ports": [],
                "large_delete": 200,
                "generated": [],
                "largest_file": 20000000,
                "rendered_comment": None,
            },
        ),
        "sessions": UnwrittenSection(
            "sessions",
            {
                "store": "git",
                "keep_days": 30,
            },
        ),
        "workers": UnwrittenSection(
            "workers",
            {
                "analysis": True,
                "metrics": True,
                "export": True,
                "cleanup": True,
                "analysis_interval": 300,
                "metrics_interval": 60,
                "export_interval": 600,
                "cleanup_interval": 86400,
                "failure_modes": "AI_Failure_Modes.md",
                "logs": [],
                "log_bytes": 10485760,
                "log_files": 5,
            },
        ),
        "author": UnwrittenSection(
            "author",
            {
                "name": "Clockwork",
                "email": "clockwork@users.noreply.github.com",
                "signing": "none",
                "signing_key": None,
            },
        ),
        "daemon": UnwrittenSection(
            "daemon",
            {
                "check_interval": 60,
                "drift_interval": 300,
                "step_timeout": 300,
                "stop_timeout": 60,
                "watch_paths": [],
                "host": "127.0.0.1",
                "port": 8737,
                "state": None,
                "log_bytes": 10485760,
                "log_files": 5,
            },
        ),
        "notifications": UnwrittenSection(
            "notifications",
            {
                "receivers": {},
                "routes": [],
                "timeout": 10,
            },
        ),
        "metrics": UnwrittenSection(
            "metrics",
            {
                "influx": None,
            },
        ),
        "api": UnwrittenSection(
            "api",
            {
                "tokens": {},
            },
        ),
        "managers": UnwrittenSection(
            "managers",
            {
                "people": [],
                "deployers": [],
                "controllers": [],
            },
        ),
        "ledger_ref": "refs/clockwork/ledger",
        "ignores": ".clockwork/ignore.yaml",
        "aggregated_roles": "ignore",
        "privileged_metadata": [],
        "privileged_fields": [],
        "list_keys": {},
    },
)
