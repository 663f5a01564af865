"""What may be written in a Compose file and how two files' values combine.

Sources: the Compose specification, for the keys its JSON schema (``schema/compose-spec.json`` of compose-spec/compose-spec),
for combining its section "Merge".
"""

from __future__ import annotations

from typing import Final

TOP: Final = frozenset(
    {"name", "version", "services", "networks", "volumes", "secrets", "configs", "include", "models"}
)
DECLARED_KINDS: Final = {"networks": "network", "volumes": "volume", "secrets": "secret", "configs": "config"}
SERVICE: Final = frozenset(
    """annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs container_name
    cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec
    depends_on deploy develop device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint env_file
    environment expose extends external_links extra_hosts gpus group_add healthcheck hostname image init ipc isolation
    label_file labels links logging mac_address mem_limit mem_reservation mem_swappiness memswap_limit models
    network_mode networks oom_kill_disable oom_score_adj pid pids_limit platform ports post_start pre_stop privileged
    profiles provider pull_policy pull_refresh_after read_only restart runtime scale secrets security_opt shm_size
    stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits use_api_socket user userns_mode uts
    volumes volumes_from working_dir""".split()  # noqa: SIM905 (a table reads better in lines)
)
REPLACED: Final = frozenset({("command",), ("entrypoint",), ("healthcheck", "test")})
"""Lists that an override replaces instead of appending to."""
PAIRS: Final = frozenset(
    {("environment",), ("labels",), ("annotations",), ("sysctls",), ("extra_hosts",), ("build", "args"), ("build", "labels"),
     ("deploy", "labels")}
)  # fmt: skip
"""Mappings that may be written as a list of ``KEY=value``; an override goes by key."""
UNIQUE: Final = frozenset({("volumes",), ("devices",), ("ports",), ("secrets",), ("configs",)})
NOT_EXTENDED: Final = frozenset({"depends_on", "volumes_from", "profiles"})
