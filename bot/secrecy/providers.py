"""What the credentials of known providers look like, and how to tell a real one from an example.

Prefixes and lengths are the providers' documented token formats. GitHub and npm tokens end in a checksum: CRC-32 of
the body in base 62. Used by the secret detectors and by redaction.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from bot.secrecy.scan import Needle

_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PLACEHOLDER: Final = re.compile(
    r"EXAMPLE|xxxx|XXXX|\*{4}|\.{4}|(.)\1{7}|your[-_]?|dummy|fake|sample|redacted|placeholder|changeme|"
    r"0123456789|1234567890|abcdefghij|ABCDEFGHIJ|deadbeef",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class TokenProvider:
    """One kind of credential. ``body`` is the group of ``pattern`` whose randomness counts (0: the whole match).

    ``checksum`` answers whether the token's own checksum holds; ``entropy`` is the least Shannon entropy of the body
    in bits per character below which a match is an example.
    """

    id: str
    name: str
    pattern: str
    keywords: tuple[str, ...]
    entropy: float = 3.0
    checksum: Callable[[str], bool] | None = None
    weak: bool = False
    """Whether it is often harmless (session tokens, test keys): reported as low."""

    @property
    def one(self) -> str:
        """The name behind its article, as a sentence begins: ``An AWS access key id``."""
        return f"{'An' if self.name[0] in 'AEIOUaeiou' or self.name.startswith('npm') else 'A'} {self.name}"


def _crc(token: str) -> bool:
    body, check = token.split("_", 1)[1][:-6], token[-6:]
    number, digits = zlib.crc32(body.encode()), ""
    while number:
        number, rest = divmod(number, 62)
        digits = _BASE62[rest] + digits
    return digits.rjust(6, "0") == check


PROVIDERS: Final[tuple[TokenProvider, ...]] = (
    TokenProvider(
        "aws-access-key",
        "AWS access key id",
        r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b",
        ("akia", "asia", "abia", "acca"),
    ),
    TokenProvider(
        "github-token",
        "GitHub token",
        r"\bgh[pousr]_[A-Za-z0-9]{36}\b",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
        checksum=_crc,
    ),
    TokenProvider(
        "github-fine-grained",
        "GitHub fine-grained token",
        r"\bgithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}\b",
        ("github_pat_",),
    ),
    TokenProvider(
        "gitlab-token",
        "GitLab token",
        r"\bgl(?:pat|rt|dt|soat|ft|imt)-[A-Za-z0-9_\-]{20,64}",
        ("glpat-", "glrt-", "gldt-", "glsoat-", "glft-", "glimt-"),
    ),
    TokenProvider("gitlab-trigger", "GitLab trigger token", r"\bglptt-[0-9a-f]{40}\b", ("glptt-",)),
    TokenProvider("slack-token", "Slack token", r"\bxox[abeoprs]-[0-9A-Za-z]{1,4}[0-9A-Za-z\-]{16,200}", ("xox",)),
    TokenProvider("slack-app", "Slack app token", r"\bxapp-\d-[A-Z0-9]{8,12}-\d{10,14}-[a-f0-9]{40,70}\b", ("xapp-",)),
    TokenProvider(
        "slack-webhook",
        "Slack webhook",
        r"hooks\.slack\.com/(?:services|workflows)/T[A-Z0-9]{7,12}/[A-Z0-9]{8,12}/([A-Za-z0-9]{18,32})",
        ("hooks.slack.com",),
    ),
    TokenProvider("stripe-live", "Stripe live key", r"\b[sr]k_live_[A-Za-z0-9]{16,128}\b", ("sk_live_", "rk_live_")),
    TokenProvider("stripe-webhook", "Stripe webhook secret", r"\bwhsec_[A-Za-z0-9+/]{32,64}", ("whsec_",)),
    TokenProvider("google-api-key", "Google API key", r"\bAIza[0-9A-Za-z_\-]{35}(?![0-9A-Za-z_\-])", ("aiza",)),
    TokenProvider(
        "google-oauth", "Google OAuth client secret", r"\bGOCSPX-[0-9A-Za-z_\-]{28}(?![0-9A-Za-z_\-])", ("gocspx-",)
    ),
    TokenProvider(
        "openai-key",
        "OpenAI key",
        r"\bsk-(?:(?:proj|svcacct|admin|None)-)?[A-Za-z0-9_\-]{20,100}T3BlbkFJ[A-Za-z0-9_\-]{20,100}",
        ("t3blbkfj",),
    ),
    TokenProvider(
        "openai-project-key",
        "OpenAI project key",
        r"\bsk-(?:proj|svcacct|admin)-[A-Za-z0-9_\-]{40,200}",
        ("sk-proj-", "sk-svcacct-", "sk-admin-"),
        3.5,
    ),
    TokenProvider("openai-legacy-key", "OpenAI-style key", r"\bsk-[A-Za-z0-9]{48}\b", ("sk-",), 3.5),
    TokenProvider(
        "anthropic-key", "Anthropic key", r"\bsk-ant-[a-z]{3,6}\d\d-[A-Za-z0-9_\-]{32,130}", ("sk-ant-",), 3.5
    ),
    TokenProvider("npm-token", "npm token", r"\bnpm_[A-Za-z0-9]{36}\b", ("npm_",), checksum=_crc),
    TokenProvider("pypi-token", "PyPI token", r"\bpypi-AgE[A-Za-z0-9_\-]{50,250}", ("pypi-age",), 3.5),
    TokenProvider("sendgrid-key", "SendGrid key", r"\bSG\.[A-Za-z0-9_\-]{16,32}\.[A-Za-z0-9_\-]{32,64}", ("sg.",), 3.5),
    TokenProvider("twilio-key", "Twilio API key", r"\bSK[0-9a-f]{32}\b", ("sk",)),
    TokenProvider("mailgun-key", "Mailgun key", r"\bkey-[0-9a-f]{32}\b", ("key-",)),
    TokenProvider("azure-storage", "Azure storage key", r"\bAccountKey=([A-Za-z0-9+/]{86}==)", ("accountkey=",), 4.0),
    TokenProvider(
        "azure-client-secret",
        "Azure client secret",
        r"(?<![\w~.\-])[A-Za-z0-9_~.\-]{3}\dQ~[A-Za-z0-9_~.\-]{31,34}(?![\w~.\-])",
        ("q~",),
        3.5,
    ),
    TokenProvider(
        "digitalocean-token", "DigitalOcean token", r"\bdo[opr]_v1_[0-9a-f]{64}\b", ("dop_v1_", "doo_v1_", "dor_v1_")
    ),
    TokenProvider(
        "shopify-token",
        "Shopify token",
        r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b",
        ("shpat_", "shpca_", "shppa_", "shpss_"),
    ),
    TokenProvider("databricks-token", "Databricks token", r"\bdapi[0-9a-f]{32}(?:-\d)?\b", ("dapi",)),
    TokenProvider("huggingface-token", "Hugging Face token", r"\bhf_[A-Za-z]{34}\b", ("hf_",), 3.5),
    TokenProvider("docker-token", "Docker Hub token", r"\bdckr_(?:pat|oat)_[A-Za-z0-9_\-]{27,32}", ("dckr_",)),
    TokenProvider("vault-token", "Vault token", r"\bhv[sb]\.[A-Za-z0-9_\-]{24,200}", ("hvs.", "hvb."), 3.5),
    TokenProvider(
        "telegram-bot", "Telegram bot token", r"\b\d{8,10}:AA[A-Za-z0-9_\-]{33}(?![A-Za-z0-9_\-])", (":aa",), 3.5
    ),
    TokenProvider(
        "discord-webhook",
        "Discord webhook",
        r"discord(?:app)?\.com/api/webhooks/\d{17,20}/([A-Za-z0-9_\-]{60,80})",
        ("/api/webhooks/",),
    ),
    TokenProvider("grafana-token", "Grafana token", r"\bglsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}\b", ("glsa_",)),
    TokenProvider("linear-key", "Linear key", r"\blin_api_[A-Za-z0-9]{40}\b", ("lin_api_",)),
    TokenProvider("newrelic-key", "New Relic key", r"\bNRAK-[A-Z0-9]{27}\b", ("nrak-",)),
    TokenProvider(
        "terraform-cloud", "Terraform Cloud token", r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_\-]{60,70}", ("atlasv1",)
    ),
    TokenProvider("age-key", "age secret key", r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b", ("age-secret-key-",)),
    TokenProvider("pulumi-token", "Pulumi token", r"\bpul-[0-9a-f]{40}\b", ("pul-",)),
    TokenProvider("rubygems-key", "RubyGems key", r"\brubygems_[0-9a-f]{48}\b", ("rubygems_",)),
    TokenProvider(
        "doppler-token", "Doppler token", r"\bdp\.(?:pt|st|ct)\.[A-Za-z0-9.\-]{40,60}", ("dp.pt.", "dp.st.", "dp.ct.")
    ),
    TokenProvider("notion-token", "Notion token", r"\bntn_[A-Za-z0-9]{43,50}\b", ("ntn_",)),
    TokenProvider(
        "private-key",
        "private key",
        r"-----BEGIN (?:RSA |EC |DSA |OPENSSH |PGP )?PRIVATE KEY(?: BLOCK)?-----",
        ("private key",),
        0.0,
    ),
    TokenProvider("putty-key", "PuTTY private key", r"^PuTTY-User-Key-File-\d: ", ("putty-user-key-file",), 0.0),
    TokenProvider(
        "jwt",
        "JSON web token",
        r"\beyJ[A-Za-z0-9_\-]{14,2000}\.eyJ[A-Za-z0-9_\-]{14,4000}\.[A-Za-z0-9_\-]{20,1000}",
        ("eyj",),
        3.5,
        weak=True,
    ),
)

BY_NEEDLE: Final = {f"secret:{provider.id}": provider for provider in PROVIDERS}
NEEDLES: Final = tuple(Needle(f"secret:{one.id}", one.pattern, one.keywords) for one in PROVIDERS)


@lru_cache(maxsize=1)
def compiled() -> tuple[tuple[TokenProvider, re.Pattern[str]], ...]:
    """Every provider with its compiled pattern."""
    return tuple((provider, re.compile(provider.pattern, re.ASCII)) for provider in PROVIDERS)


def entropy(text: str) -> float:
    """Shannon entropy in bits per character; 0 for empty text."""
    if not text:
        return 0.0
    total = len(text)
    return -sum(count / total * math.log2(count / total) for count in Counter(text).values())


def is_placeholder(text: str) -> bool:
    """Whether a value says itself that it is an example."""
    return _PLACEHOLDER.search(text) is not None


def is_real(provider: TokenProvider, token: str, *, doubtful_place: bool) -> bool:
    """Whether a match is a credential and no example. In tests and documentation a checksum must hold where one exists."""
    if provider.entropy == 0.0:
        return not doubtful_place
    if is_placeholder(token) or entropy(token) < provider.entropy:
        return False
    if doubtful_place:
        return provider.checksum is not None and provider.checksum(token)
    return True


MASKED: Final = re.compile(r"\S{1,4}…\(\d{1,6} characters\)")
"""What :func:`masked` makes."""


def masked(token: str) -> str:
    """Enough of a credential to recognise it, not enough to use it: its first four characters."""
    return f"{token[:4]}…({len(token)} characters)"
