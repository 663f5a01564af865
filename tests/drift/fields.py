"""A small table of fields that has every form, every mark and every kind of default."""

from __future__ import annotations

from bot.drift.shapes import Default, FilledBy, Form, Shape, compile_shape

TYPES = {
    "Top": {
        "leaf": "leaf",
        "zero": "zero:leaf",
        "size": "quantity",
        "image": "image",
        "word": "word",
        "server": "server:leaf",
        "serverSpec": "server:PartSpec",
        "allocated": "allocated:leaf",
        "controller": "controller:leaf",
        "ignored": "ignored:leaf",
        "map": "map",
        "sizes": "map quantity",
        "list": "list",
        "parts": "list Part",
        "set": "set",
        "sizeSet": "set quantity",
        "keyed": "keyed[name] Part",
        "ports": "keyed[port,protocol=TCP] Part",
        "deep": "keyed[at.name] Part",
        "ordered": "ordered:keyed[name] Part",
        "env": "expanding:keyed[name] Part",
        "part": "Part",
        "spec": "PartSpec",
        "any": "any",
    },
    "Part": {"name": "leaf", "size": "quantity", "own": "Part", "ignored": "ignored:leaf", "server": "server:leaf"},
    "PartSpec": {"name": "leaf", "size": "quantity", "sub": "map", "ignored": "ignored:leaf", "server": "server:leaf"},
}
DEFAULTS = {
    "Top": {
        "usual": Default("here", "x"),
        "size": Default("here", "1"),
        "derived": Default("here", derive=lambda parent: parent.get("leaf")),
    },
    "Part": {"mode": Default("here", 0), "protocol": Default("here", "TCP")},
}
WORDS = {"word": Shape(Form.LEAF, FilledBy.NOBODY, canonical=lambda value: str(value).lower())}
TOP = compile_shape("Top", TYPES, DEFAULTS, WORDS)
