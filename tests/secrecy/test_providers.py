"""Every row of the provider table: it has a source, it is detected where it is certain, it is hidden everywhere."""

from __future__ import annotations

import base64
import re
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.secrecy.credentials import looks_secret, secret_arguments
from bot.secrecy.providers import PROVIDERS
from bot.secrecy.redaction import redact, redact_tokens
from bot.secrecy.sanitize import sanitized
from bot.secrecy.tokens import is_real, tokens
from tests.guardrails.changes import file, fire
from tests.secrecy.samples import SAMPLES, Sample, drawn, sample
from tests.table import table

BY_ID = {provider.id: provider for provider in PROVIDERS}
AROUND = [
    "{}",
    "starting with {} now",
    '"{}"',
    "uplink={}&retry=1",
    "https://hooks.example.com/{}/x",
    '{{"a": "\\n{}"}}',
    "prefix_{}",
    "(`{}`)",
    "\t{}\r\n",
    "é{}é",
]


@table("provider", PROVIDERS, ids=lambda provider: provider.id)
def test_rows_are_sound(provider: object) -> None:
    """A row names where its form was looked up and when; what it matches holds one of its keywords and prefixes."""
    row = next(one for one in PROVIDERS if one is provider)
    assert re.fullmatch(r"https://\S+|(gitleaks|trufflehog):[a-z0-9-]+", row.source)
    assert date(2026, 1, 1) < row.checked
    for seed in range(20):
        text = sample(row, seed).text
        match = re.search(row.pattern, text, re.ASCII | re.MULTILINE)
        assert match is not None
        assert any(word in match[0].lower() for word in row.keywords)
        assert not row.prefixes or match[0].startswith(row.prefixes)


def test_ids_are_unique() -> None:
    """A kind of credential has one row, and what stands for it in a text is words in small letters."""
    assert len(BY_ID) == len(PROVIDERS)
    assert not [id_ for id_ in BY_ID if re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", id_) is None]


@table("planted", SAMPLES, ids=lambda planted: planted.kind)
def test_what_is_reported_is_hidden(planted: Sample) -> None:
    """The guard finds it in a change, unless the row says it is only hidden; every other room hides it."""
    provider = BY_ID[planted.kind]
    found = fire("SEC-001", file("app/settings.py", "x = 1\n", f'x = 1\nUPLINK = """\n{planted.text}\n"""\n'))
    assert bool(found) is provider.reported
    assert looks_secret(planted.text)
    for around in AROUND:
        text = around.format(planted.text)
        for hide in (redact, redact_tokens, sanitized):
            assert planted.core not in hide(text), (hide, around)


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.id)
@given(before=st.text(max_size=3), after=st.text(max_size=3), seed=st.integers(0, 10**6))
@settings(max_examples=8, deadline=None)
def test_redaction_takes_out_whatever_detection_matches(provider: object, before: str, after: str, seed: int) -> None:
    """The law behind it: wherever the exact form matches, the generous form of the same row covers all of the match."""
    row = next(one for one in PROVIDERS if one is provider)
    text = before + sample(row, seed).text + after
    for match in re.finditer(row.pattern, text, re.ASCII | re.MULTILINE):
        start, end = match.span(match.lastindex or 0)
        if row.entropy == 0.0:  # the header of a key may stay, its body not
            start = end = match.end() + 1
        spans = [(one.start, one.end) for one in tokens(text) if one.kind == row.id]
        assert any(first <= start and end <= last for first, last in spans), text


@table(
    "text",
    [
        "task-abcdefghijklmnopqrstuvwxyz",
        "SKIP_EVERYTHING_THAT_IS_NOT_NEEDED_HERE",
        "key-value-store-of-the-shop",
        "registry.example.com/patched:1.2.3",
        "sha256:" + "0a" * 32,
        "2f1c6c2e-7a7e-4f60-9b7e-6d6f3f0a7c11",
        "eyJson.parser.module",
        "ciolek@example.org",
        "the hf_hub_download of a model",
        "arn:aws:iam::123456789012:role/shop",
        "-----BEGIN CERTIFICATE-----",
    ],
)
def test_what_only_begins_alike_stays(text: str) -> None:
    """A word that shares a beginning with a token stays readable."""
    assert redact(text) == text


def test_a_split_key_is_secret_as_a_whole() -> None:
    """Of a command that was split at white space, every word of a private key is secret."""
    key = sample(BY_ID["private-key"]).text.split()
    words = ["import-key", *key, "-v"]
    secret = "".join(words[at] for at in secret_arguments(words))
    assert sample(BY_ID["private-key"]).core in secret


def test_an_example_is_not_real() -> None:
    """What says itself that it is an example is hidden all the same, and not reported."""
    example = "AK" + "IAIOSFODNN7EXAMPLE"
    assert not is_real(BY_ID["aws-access-key"], example, doubtful_place=False)
    assert example not in redact(example)


def test_samples_differ() -> None:
    """The generator of these tests draws from the whole form: two seeds give two credentials."""
    assert sample(PROVIDERS[0], 1) != sample(PROVIDERS[0], 2)
    assert re.fullmatch("[a-f]{3}(?:x|y)", drawn("[a-f]{3}(?:x|y)", __import__("random").Random(1)))


@table(
    ("login", "accepted"),
    [
        ("bob:hunter2a1", True),
        ("bob:a:b-c1", True),
        ("bob:abcd1", False),
        ("bob:abcdefgh", False),
        ("bob:12345678", False),
        ("bob:password1", False),
        (":hunter2a1", False),
        ("hunter2a1", False),
        ("hunter2a1:hunter2a1", False),
    ],
)
def test_a_login_is_one_by_the_look_of_its_password(login: str, accepted: bool) -> None:
    """Words, numbers and what everybody writes in an example are none, and neither is what is not base64 of text."""
    provider = BY_ID["docker-auth"]
    encoded = base64.b64encode(login.encode()).decode()
    assert provider.accepts(encoded) == provider.accepts(encoded.rstrip("=")) == accepted
    assert not provider.accepts(f"{encoded.rstrip('=')}*")
    assert not provider.accepts(base64.b64encode(f"{login}\xff".encode("latin-1")).decode())
