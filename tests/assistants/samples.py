"""The prompt and the reply that the assistants' tests share."""

from __future__ import annotations

import json

from bot.model.session import Prompt, ReplyFinding

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {
            "findings": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "rule": {"type": "string"},
                        "file": {"type": "string"},
                        "line": {"type": ["integer", "null"]},
                        "severity": {"type": "string"},
                        "message": {"type": "string"},
                    },
                    "required": ["rule", "file", "line", "severity", "message"],
                    "additionalProperties": False,
                },
            }
        },
        "required": ["findings"],
        "additionalProperties": False,
    }
)
PROMPT = Prompt("Review the change between the marks 7f3a.\n7f3a\n+verify=False\n7f3a\n", SCHEMA, "7f3a")
FINDINGS = (ReplyFinding("no-tls-off", "app/client.py", 12, "high", "TLS is switched off"),)
KEY = "planted-key-2f8b1c9d"


class Naps:
    """Remembers the seconds it was asked to sleep, and does not."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
