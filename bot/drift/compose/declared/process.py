"""What a service runs and how it is kept running, in long form: commands, variables, labels, health, logs.

Sources: the Compose specification, 05-services.md, by key; a command in text is split by
:mod:`bot.model.compose_texts`.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.drift import values
from bot.drift.compose.notation import signal_name
from bot.model.compose_texts import shell_words
from bot.model.json import JSON, mapping


def argv(value: JSON) -> JSON:
    """A command as its words. An empty command is none."""
    if isinstance(value, str):
        parts = shell_words(value)
        return value if parts is None else [*parts] or None
    if isinstance(value, (list, tuple)):
        return [values.text(argument) for argument in value] or None
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
    """YAML 1.1 reads a bare ``no`` as false (05-services.md, restart); an empty policy is none."""
    if value is False or value == "":
        return "no" if value is False else None
    name, _, count = str(value).partition(":")
    return name if count in {"", "0"} else f"{name}:{count}"


def healthcheck(value: JSON) -> JSON:
    """The check with its test as a list of words and its times in one spelling. Zero is what the image or the engine says
    (Docker engine API v1.43, HealthConfig).
    """
    if not isinstance(value, (dict, Mapping)):
        return value
    test = _test(value.get("test"))
    if values.boolean(value.get("disable")) is True or test == ["NONE"]:
        return {"disable": True}
    check: dict[str, JSON] = {} if test is None else {"test": test}
    for key in ("interval", "timeout", "start_period", "start_interval"):
        if values.duration(value.get(key)) not in {None, "0s"}:
            check[key] = values.duration(value[key])
    if values.number(value.get("retries")):
        check["retries"] = values.number(value["retries"])
    return check


def _test(value: JSON) -> JSON:
    if isinstance(value, str):
        return ["CMD-SHELL", value]
    return [values.text(argument) for argument in value] if isinstance(value, (list, tuple)) and value else None


def logging(value: JSON) -> JSON:
    """The driver and its options, texts all of them."""
    if not isinstance(value, (dict, Mapping)):
        return value
    options = {key: values.text(entry) for key, entry in mapping(value.get("options")).items() if entry is not None}
    long: dict[str, JSON] = {"driver": value["driver"]} if value.get("driver") else {}
    return {**long, "options": options} if options else long


def stop_signal(value: JSON) -> JSON:
    """The signal by its name; what is no signal as it is."""
    return signal_name(value) or value or None
