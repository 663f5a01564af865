"""What a service runs and how it is kept running, in long form: commands, variables, labels, health, logs.

Sources: the Compose specification, 05-services.md, by key; a command in text is split as a shell does (go-shellwords).
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from bot.drift import values
from bot.drift.compose.notation import signal_name
from bot.model.json import JSON, mapping


def words(value: JSON) -> JSON:
    """A command as its words; text splits as a shell splits it. An empty command is none."""
    if isinstance(value, str):
        try:
            return [*shlex.split(value)] or None
        except ValueError:
            return value
    if isinstance(value, (list, tuple)):
        return [values.text(word) for word in value] or None
    return value


def variables(value: JSON) -> JSON:
    """``KEY=value`` lists and mappings as a mapping of texts; a variable without value stays null (passed through)."""
    if isinstance(value, (list, tuple)):
        pairs = (str(values.text(entry)).partition("=") for entry in value)
        return {name: (text if equals else None) for name, equals, text in pairs}
    if isinstance(value, (dict, Mapping)):
        return {key: None if entry is None else values.text(entry) for key, entry in value.items()}
    return value


def labels(value: JSON) -> JSON:
    """Labels as a mapping of texts; one without value is empty."""
    pairs = variables(value)
    if not isinstance(pairs, (dict, Mapping)):
        return pairs
    return {key: "" if entry is None else entry for key, entry in pairs.items()}


def restart(value: JSON) -> JSON:
    """YAML 1.1 reads a bare ``no`` as false (05-services.md, restart)."""
    if value is False:
        return "no"
    name, _, count = str(value).partition(":")
    return name if count in {"", "0"} else f"{name}:{count}"


def healthcheck(value: JSON) -> JSON:
    """The check with its test as a list of words and its times in one spelling."""
    if not isinstance(value, (dict, Mapping)):
        return value
    test = _test(value.get("test"))
    if values.boolean(value.get("disable")) is True or test == ["NONE"]:
        return {"disable": True}
    check: dict[str, JSON] = {} if test is None else {"test": test}
    for key in ("interval", "timeout", "start_period", "start_interval"):
        if value.get(key) is not None:
            check[key] = values.duration(value[key])
    if value.get("retries") is not None:
        check["retries"] = values.number(value["retries"])
    return check


def _test(value: JSON) -> JSON:
    if isinstance(value, str):
        return ["CMD-SHELL", value]
    return [values.text(word) for word in value] if isinstance(value, (list, tuple)) and value else None


def logging(value: JSON) -> JSON:
    """The driver and its options, texts all of them."""
    if not isinstance(value, (dict, Mapping)):
        return value
    options = {key: values.text(entry) for key, entry in mapping(value.get("options")).items() if entry is not None}
    long: dict[str, JSON] = {"driver": value["driver"]} if value.get("driver") else {}
    return {**long, "options": options} if options else long


def stop_signal(value: JSON) -> JSON:
    """The signal by its name; what is no signal as it is."""
    return signal_name(value) or value
