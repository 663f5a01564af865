"""The one table of what the credentials of known providers look like: data, each row with its source.

Detection asks for the exact form (:attr:`TokenProvider.pattern`), redaction also takes what only begins like one
(:attr:`TokenProvider.generous`); both follow from the same row, so whatever is reported as a secret is hidden elsewhere.

A source is the page on which the provider documents the format. Where it documents none, it is the rule of a scanner
that knows it: ``gitleaks:RULE`` (github.com/gitleaks/gitleaks, config/gitleaks.toml at b58d3f1) or
``trufflehog:DETECTOR`` (github.com/trufflesecurity/trufflehog, pkg/detectors at 3ab759f).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECKED: Final = date(2026, 11, 26)
START: Final = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))"
"""Where a token begins: not within a longer word. A ``\\n`` in front is a line break as JSON writes it, no part of one."""


@dataclass(frozen=True, slots=True)
class TokenProvider:
    """One kind of credential, and where its form was looked up.

    Each match of ``pattern`` holds one of ``keywords`` (small letters). Where ``prefixes`` are given it begins with one
    of them, as they are written. ``generous`` matches whatever ``pattern`` matches and more; its first group, else all
    of it, is what has to be hidden. ``entropy`` is the least Shannon entropy in bits per character below which a match
    of ``pattern`` is an example; ``checksum`` answers whether the token's own checksum holds.
    """

    id: str
    name: str
    pattern: str
    generous: str
    keywords: tuple[str, ...]
    source: str
    prefixes: tuple[str, ...] = ()
    checked: date = _CHECKED
    entropy: float = 3.0
    checksum: Callable[[str], bool] | None = None
    weak: bool = False
    """Whether it is often harmless (session tokens, test keys): reported as low."""
    reported: bool = True
    """Whether changes are searched for it; what is not is only hidden."""

    @property
    def with_article(self) -> str:
        """The name behind its article, as a sentence begins: ``An AWS access key id``."""
        return f"{'An' if self.name[0] in 'AEIOUaeiou' or self.name.startswith('npm') else 'A'} {self.name}"


def _prefixed(
    id_: str,
    name: str,
    prefixes: str,
    body: str,
    source: str,
    *,
    generous: str = "",
    entropy: float = 3.0,
    checksum: Callable[[str], bool] | None = None,
    reported: bool = True,
) -> TokenProvider:
    """A token that begins with one of ``prefixes``. A body of one fixed length has to end there."""
    words = tuple(prefixes.split())
    head = f"(?:{'|'.join(map(re.escape, words))})"
    end = "" if re.search(r"\{\d+,\d*\}\)?\Z", body) else r"(?![A-Za-z0-9_])"
    return TokenProvider(
        id_,
        name,
        pattern=rf"(?:\b|(?<=\\[nrt])){head}{body}{end}",
        generous=rf"{START}{head}{generous or body}[A-Za-z0-9_\-]*+=*+",
        keywords=tuple(dict.fromkeys(word.lower() for word in words)),
        source=source,
        prefixes=words,
        entropy=entropy,
        checksum=checksum,
        reported=reported,
    )


def _crc(token: str) -> bool:
    """Whether the last six characters are the CRC-32 of the body in base 62.

    https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
    """
    body, check = token.split("_", 1)[1][:-6], token[-6:]
    number, digits = zlib.crc32(body.encode()), ""
    while number:
        number, rest = divmod(number, 62)
        digits = _BASE62[rest] + digits
    return digits.rjust(6, "0") == check


_GITHUB: Final = (
    "https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github"
)
_GITLAB: Final = "https://docs.gitlab.com/security/tokens/"
_SLACK: Final = "https://docs.slack.dev/authentication/tokens"
_HEX: Final = "[0-9a-f]"
_URL_SAFE: Final = r"[A-Za-z0-9_\-]"

_PREFIXED: Final = (
    # clouds and hosts
    _prefixed(
        "aws-access-key",
        "AWS access key id",
        "AKIA ASIA ABIA ACCA",
        "[A-Z2-7]{16}",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html",
        generous="[A-Z0-9]{16}",
    ),
    _prefixed("aws-bedrock-key", "AWS Bedrock key", "ABSK", "[A-Za-z0-9+/]{109,269}",
        "gitleaks:aws-amazon-bedrock-api-key-long-lived", entropy=3.5),
    _prefixed("alibaba-access-key", "Alibaba Cloud access key id", "LTAI", "[A-Za-z0-9]{20}",
        "gitleaks:alibaba-access-key-id", entropy=3.5),
    _prefixed("google-api-key", "Google API key", "AIza", r"[0-9A-Za-z_\-]{35}", "gitleaks:gcp-api-key",
        generous=r"[\w\-]{30,300}"),
    _prefixed("google-oauth", "Google OAuth client secret", "GOCSPX-", r"[0-9A-Za-z_\-]{28}",
        "https://developers.google.com/identity/protocols/oauth2", generous=r"[\w\-]{20,300}"),
    _prefixed("google-access-token", "Google OAuth access token", "ya29.", r"[0-9A-Za-z_\-]{20,1000}",
        "trufflehog:googleoauth2", entropy=3.5),
    _prefixed("digitalocean-token", "DigitalOcean token", "dop_v1_ doo_v1_ dor_v1_", f"{_HEX}{{64}}",
        "gitleaks:digitalocean-pat"),
    _prefixed("cloudflare-token", "Cloudflare token", "cfut_ cfat_ cfk_", "[A-Za-z0-9]{40}[a-f0-9]{8}",
        "trufflehog:cloudflareapitoken"),
    _prefixed("cloudflare-origin-ca", "Cloudflare origin CA key", "v1.0-", f"{_HEX}{{24}}-{_HEX}{{146}}",
        "gitleaks:cloudflare-origin-ca-key"),
    _prefixed("heroku-key", "Heroku key", "HRKU-AA", f"{_URL_SAFE}{{58}}", "gitleaks:heroku-api-key-v2"),
    _prefixed("flyio-token", "Fly.io token", "fo1_", rf"{_URL_SAFE}{{43}}", "gitleaks:flyio-access-token"),
    _prefixed("flyio-macaroon", "Fly.io token", "fm1r_ fm1a_ fm2_", "[A-Za-z0-9+/]{100,2000}",
        "gitleaks:flyio-access-token"),
    _prefixed("supabase-token", "Supabase token", "sbp_", f"{_HEX}{{40}}", "trufflehog:supabasetoken"),
    _prefixed("supabase-secret-key", "Supabase secret key", "sb_secret_", f"{_URL_SAFE}{{20,64}}",
        "https://supabase.com/docs/guides/api/api-keys"),
    _prefixed("planetscale-token", "PlanetScale token", "pscale_tkn_ pscale_oauth_ pscale_pw_", r"[\w=.\-]{32,64}",
        "gitleaks:planetscale-api-token"),
    _prefixed("netlify-token", "Netlify token", "nfp_", r"\w{36}", "trufflehog:netlify"),
    _prefixed("scalingo-token", "Scalingo token", "tk-us-", rf"{_URL_SAFE}{{48}}", "gitleaks:scalingo-api-token"),
    _prefixed("tailscale-key", "Tailscale key", "tskey-", r"(?:api|auth|client|scim|webhook)-\w{8,40}-\w{16,64}",
        "https://tailscale.com/kb/1277/key-prefixes", generous=r"[\w\-]{16,300}"),
    _prefixed("openshift-token", "OpenShift token", "sha256~", rf"{_URL_SAFE}{{43}}",
        "gitleaks:openshift-user-token"),
    # code hosts and registries
    _prefixed(
        "github-token",
        "GitHub token",
        "ghp_ gho_ ghu_ ghs_ ghr_",
        "[A-Za-z0-9]{36}",
        _GITHUB,
        checksum=_crc,
        generous=r"\w{16,300}",
    ),
    _prefixed("github-fine-grained", "GitHub fine-grained token", "github_pat_", "[A-Za-z0-9]{22}_[A-Za-z0-9]{59}",
        _GITHUB, generous=r"\w{16,300}"),
    _prefixed(
        "gitlab-token",
        "GitLab token",
        "glpat- glrt- glrtr- gldt- glsoat- glft- glimt- glcbt- glagent- glffct- gloas- GR1348941",
        r"[A-Za-z0-9_\-]{20,300}(?:\.[0-9a-z]{2}(?:\.[0-9a-z]{2})?[0-9a-z]{7})?",
        _GITLAB,
        generous=r"[\w\-]{16,300}[\w.\-]*+",
    ),
    _prefixed("gitlab-trigger", "GitLab trigger token", "glptt-", f"{_HEX}{{40}}", _GITLAB,
        generous=r"[\w\-]{16,300}"),
    _prefixed("bitbucket-token", "Bitbucket app password", "ATBB", r"[A-Za-z0-9_=.\-]{28,64}",
        "trufflehog:bitbucketapppassword", entropy=3.5),
    _prefixed("npm-token", "npm token", "npm_", "[A-Za-z0-9]{36}",
        "https://github.blog/changelog/2021-09-23-npm-has-a-new-access-token-format/", checksum=_crc,
        generous=r"\w{30,300}"),
    _prefixed("pypi-token", "PyPI token", "pypi-AgE", rf"{_URL_SAFE}{{50,1000}}", "https://pypi.org/help/#apitoken",
        entropy=3.5, generous=rf"{_URL_SAFE}{{22,1000}}"),
    _prefixed("rubygems-key", "RubyGems key", "rubygems_", f"{_HEX}{{48}}", "gitleaks:rubygems-api-token"),
    _prefixed("nuget-key", "NuGet key", "oy2", "[a-z0-9]{43}", "trufflehog:nugetapikey", entropy=3.5),
    _prefixed("crates-token", "crates.io token", "cio", "[A-Za-z0-9]{32}",
        "https://github.com/rust-lang/crates.io/blob/main/crates/crates_io_database/src/utils/token.rs", entropy=3.5),
    _prefixed("clojars-token", "Clojars token", "CLOJARS_", "[a-z0-9]{60}", "gitleaks:clojars-api-token"),
    _prefixed("docker-token", "Docker Hub token", "dckr_pat_ dckr_oat_", rf"{_URL_SAFE}{{27,32}}",
        "trufflehog:dockerhub"),
    _prefixed("artifactory-key", "Artifactory API key", "AKCp", "[A-Za-z0-9]{69}", "gitleaks:artifactory-api-key"),
    _prefixed("artifactory-reference", "Artifactory reference token", "cmVmd", "[A-Za-z0-9]{59}",
        "gitleaks:artifactory-reference-token"),
    _prefixed("sourcegraph-token", "Sourcegraph token", "sgp_", r"(?:(?:[a-f0-9]{16}|local)_)?[a-f0-9]{40}",
        "gitleaks:sourcegraph-access-token"),
    # delivery and infrastructure tools
    _prefixed("vault-token", "Vault token", "hvs. hvb. hvr.", rf"{_URL_SAFE}{{24,300}}",
        "https://developer.hashicorp.com/vault/docs/concepts/tokens", entropy=3.5, generous=r"[\w\-]{16,300}"),
    _prefixed("pulumi-token", "Pulumi token", "pul-", f"{_HEX}{{40}}", "gitleaks:pulumi-api-token"),
    _prefixed("doppler-token", "Doppler token", "dp.",
        r"(?:ct|pt|st(?:\.[a-z0-9\-_]{2,35})?|sa|scim|audit)\.[A-Za-z0-9]{40,44}", "trufflehog:doppler"),
    _prefixed("databricks-token", "Databricks token", "dapi", rf"{_HEX}{{32}}(?:-\d)?",
        "gitleaks:databricks-api-token"),
    _prefixed("infracost-key", "Infracost key", "ico-", "[A-Za-z0-9]{32}", "gitleaks:infracost-api-token"),
    _prefixed("prefect-token", "Prefect token", "pnu_", "[A-Za-z0-9]{36}", "gitleaks:prefect-api-token"),
    _prefixed("octopus-key", "Octopus Deploy key", "API-", "[A-Z0-9]{26}", "gitleaks:octopus-deploy-api-key",
        entropy=3.5),
    _prefixed("harness-token", "Harness token", "pat. sat.", r"[A-Za-z0-9_\-]{22}\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{20}",
        "gitleaks:harness-api-key"),
    _prefixed("buildkite-token", "Buildkite token", "bkua_", "[a-z0-9]{40}", "trufflehog:buildkite"),
    _prefixed("circleci-token", "CircleCI token", "CCIPAT_", "[A-Za-z0-9]{22}_[A-Fa-f0-9]{40}",
        "trufflehog:circleci"),
    _prefixed("sonar-token", "SonarQube token", "squ_ sqp_ sqa_", f"{_HEX}{{40}}", "gitleaks:sonar-api-token"),
    _prefixed("launchdarkly-key", "LaunchDarkly key", "sdk- api-",
        rf"{_HEX}{{8}}-{_HEX}{{4}}-4{_HEX}{{3}}-{_HEX}{{4}}-{_HEX}{{12}}", "trufflehog:launchdarkly"),
    _prefixed("onepassword-secret-key", "1Password secret key", "A3-",
        "[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}",
        "gitleaks:1password-secret-key"),
    _prefixed("onepassword-token", "1Password service account token", "ops_eyJ", "[A-Za-z0-9+/]{250,2000}",
        "gitleaks:1password-service-account-token", entropy=3.5),
    _prefixed("age-key", "age secret key", "AGE-SECRET-KEY-1", "[0-9A-Z]{58}", "https://age-encryption.org/v1"),
    # observability
    _prefixed("grafana-token", "Grafana token", "glsa_", "[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}",
        "gitleaks:grafana-service-account-token"),
    _prefixed("grafana-cloud-token", "Grafana Cloud token", "glc_", "[A-Za-z0-9+/]{32,400}",
        "gitleaks:grafana-cloud-api-token", entropy=3.5),
    _prefixed("grafana-key", "Grafana API key", "eyJrIjoi", "[A-Za-z0-9]{70,400}", "gitleaks:grafana-api-key",
        entropy=3.5),
    _prefixed("newrelic-key", "New Relic key", "NRAK-", "[A-Z0-9]{27}", "gitleaks:new-relic-user-api-key"),
    _prefixed("newrelic-insights-key", "New Relic Insights key", "NRII- NRIQ-", rf"{_URL_SAFE}{{25,32}}",
        "trufflehog:newrelicinsightsinsertkey"),
    _prefixed("sentry-org-token", "Sentry organisation token", "sntrys_eyJ", "[A-Za-z0-9+/=_]{80,400}",
        "gitleaks:sentry-org-token", entropy=3.5),
    _prefixed("sentry-user-token", "Sentry user token", "sntryu_", f"{_HEX}{{64}}", "gitleaks:sentry-user-token"),
    _prefixed("dynatrace-token", "Dynatrace token", "dt0c01.", r"[A-Za-z0-9]{24}\.[A-Za-z0-9]{64}",
        "gitleaks:dynatrace-api-token"),
    _prefixed("posthog-key", "PostHog personal key", "phx_", "[A-Za-z0-9_]{43,48}", "trufflehog:posthog"),
    # mail, messages, payments
    _prefixed("slack-token", "Slack token", "xoxa- xoxb- xoxe- xoxo- xoxp- xoxr- xoxs- xoxe.xoxb- xoxe.xoxp-",
        r"[0-9A-Za-z]{1,4}[0-9A-Za-z\-]{16,200}", _SLACK, generous=r"[\w\-]{10,300}"),
    _prefixed("slack-app", "Slack app token", "xapp-", r"\d-[A-Z0-9]{8,12}-\d{10,14}-[a-f0-9]{40,70}", _SLACK,
        generous=r"[\w\-]{16,300}"),
    _prefixed("sendgrid-key", "SendGrid key", "SG.", r"[A-Za-z0-9_\-]{16,32}\.[A-Za-z0-9_\-]{32,64}",
        "gitleaks:sendgrid-api-token", entropy=3.5, generous=r"[\w\-]{16,64}\.[\w\-]{16,300}"),
    _prefixed("brevo-key", "Brevo key", "xkeysib-", f"{_HEX}{{64}}-[A-Za-z0-9]{{16}}",
        "gitleaks:sendinblue-api-token"),
    _prefixed("mailgun-key", "Mailgun key", "key-", f"{_HEX}{{32}}", "trufflehog:mailgun"),
    _prefixed("twilio-key", "Twilio API key", "SK", f"{_HEX}{{32}}", "gitleaks:twilio-api-key"),
    _prefixed("stripe-live", "Stripe live key", "sk_live_ rk_live_ sk_prod_ rk_prod_", "[A-Za-z0-9]{16,247}",
        "https://docs.stripe.com/keys", generous=r"\w{10,300}"),
    _prefixed("stripe-test", "Stripe test key", "sk_test_ rk_test_", "[A-Za-z0-9]{16,247}",
        "https://docs.stripe.com/keys", generous=r"\w{10,300}", reported=False),
    _prefixed("stripe-webhook", "Stripe webhook secret", "whsec_", "[A-Za-z0-9+/]{32,64}",
        "https://docs.stripe.com/webhooks"),
    _prefixed("square-token", "Square token", "sq0atp- sq0csp- sq0idp-", rf"{_URL_SAFE}{{22,60}}",
        "gitleaks:square-access-token"),
    _prefixed("square-access-token", "Square access token", "EAAA", r"[A-Za-z0-9_\-+=]{60}", "trufflehog:square",
        entropy=3.5),
    _prefixed("flutterwave-key", "Flutterwave key", "FLWSECK- FLWSECK_TEST-", "[0-9a-z]{32}-X",
        "trufflehog:flutterwave"),
    _prefixed("easypost-key", "EasyPost key", "EZAK EZTK", "[A-Za-z0-9]{54}", "gitleaks:easypost-api-token"),
    _prefixed("shippo-token", "Shippo token", "shippo_live_ shippo_test_", "[A-Fa-f0-9]{40}",
        "gitleaks:shippo-api-token"),
    _prefixed("duffel-token", "Duffel token", "duffel_live_ duffel_test_", r"[A-Za-z0-9_\-=]{43}",
        "gitleaks:duffel-api-token"),
    _prefixed("facebook-token", "Facebook page token", "EAAM EAAC", "[A-Za-z0-9]{100,300}",
        "gitleaks:facebook-page-access-token", entropy=3.5),
    # applications
    _prefixed("shopify-token", "Shopify token", "shpat_ shpca_ shppa_ shpss_", "[0-9a-fA-F]{32}",
        "gitleaks:shopify-access-token"),
    _prefixed("atlassian-token", "Atlassian token", "ATATT3", r"[A-Za-z0-9_\-+/=]{180,250}",
        "gitleaks:atlassian-api-token", generous=r"[\w\-+/=]{20,300}"),
    _prefixed("atlassian-access-token", "Atlassian access token", "ATCTT3xFfG", r"[A-Za-z0-9+/=_\-]{60,300}",
        "trufflehog:atlassian", generous=r"[\w\-+/=]{20,300}"),
    _prefixed("airtable-token", "Airtable token", "pat", rf"[A-Za-z0-9]{{14}}\.{_HEX}{{64}}",
        "gitleaks:airtable-personnal-access-token"),
    _prefixed("notion-token", "Notion token", "ntn_", "[A-Za-z0-9]{43,50}", "gitleaks:notion-api-token"),
    _prefixed("linear-key", "Linear key", "lin_api_", "[A-Za-z0-9]{40}", "gitleaks:linear-api-key"),
    _prefixed("figma-token", "Figma token", "figd_ figu_ figo_ figp_", rf"{_URL_SAFE}{{40,54}}",
        "trufflehog:figmapersonalaccesstoken"),
    _prefixed("contentful-token", "Contentful token", "CFPAT-", rf"{_URL_SAFE}{{43}}",
        "trufflehog:contentfulpersonalaccesstoken"),
    _prefixed("postman-key", "Postman key", "PMAK-", "[A-Fa-f0-9]{24}-[A-Fa-f0-9]{34}", "gitleaks:postman-api-token"),
    _prefixed("readme-key", "ReadMe key", "rdme_", "[a-z0-9]{70}", "gitleaks:readme-api-token"),
    _prefixed("frameio-token", "Frame.io token", "fio-u-", r"[A-Za-z0-9\-_=]{64}", "gitleaks:frameio-api-token"),
    _prefixed("adobe-secret", "Adobe client secret", "p8e-", "[A-Za-z0-9]{32}", "gitleaks:adobe-client-secret",
        entropy=3.5),
    _prefixed("apify-token", "Apify token", "apify_api_", "[A-Za-z0-9]{36}", "trufflehog:apify"),
    _prefixed("portainer-token", "Portainer token", "ptr_", r"[A-Za-z0-9/_\-+=]{20,60}", "trufflehog:portainertoken",
        entropy=3.5),
    # models
    _prefixed("anthropic-key", "Anthropic key", "sk-ant-", r"[a-z]{3,6}\d\d-[A-Za-z0-9_\-]{32,130}",
        "gitleaks:anthropic-api-key", entropy=3.5, generous=rf"{_URL_SAFE}{{16,300}}"),
    _prefixed("openai-key", "OpenAI key", "sk-",
        rf"(?:(?:proj|svcacct|admin|None)-)?{_URL_SAFE}{{20,100}}T3BlbkFJ{_URL_SAFE}{{20,100}}",
        "gitleaks:openai-api-key", generous=rf"{_URL_SAFE}{{20,300}}"),
    _prefixed("openai-project-key", "OpenAI project key", "sk-proj- sk-svcacct- sk-admin-", rf"{_URL_SAFE}{{40,200}}",
        "gitleaks:openai-api-key", entropy=3.5),
    _prefixed("openai-legacy-key", "OpenAI-style key", "sk-", "[A-Za-z0-9]{48}", "gitleaks:openai-api-key",
        entropy=3.5),
    _prefixed("openrouter-key", "OpenRouter key", "sk-or-v1-", f"{_HEX}{{64}}", "trufflehog:openrouter"),
    _prefixed("huggingface-token", "Hugging Face token", "hf_ api_org_", "[A-Za-z]{34}",
        "gitleaks:huggingface-access-token", entropy=3.5, generous="[A-Za-z0-9]{30,64}"),
    _prefixed("groq-key", "Groq key", "gsk_", "[A-Za-z0-9]{52}", "trufflehog:groq"),
    _prefixed("xai-key", "xAI key", "xai-", r"\w{80}", "trufflehog:xai"),
    _prefixed("replicate-token", "Replicate token", "r8_", rf"{_URL_SAFE}{{37}}", "trufflehog:replicate"),
    _prefixed("perplexity-key", "Perplexity key", "pplx-", "[A-Za-z0-9]{48}", "gitleaks:perplexity-api-key"),
    _prefixed("nvidia-key", "NVIDIA key", "nvapi-", rf"{_URL_SAFE}{{64}}", "trufflehog:nvapi"),
    _prefixed("langsmith-key", "LangSmith key", "lsv2_pt_ lsv2_sk_", f"{_HEX}{{32}}_{_HEX}{{10}}",
        "trufflehog:langsmith"),
)  # fmt: skip


def _shaped(
    id_: str,
    name: str,
    pattern: str,
    keywords: str,
    source: str,
    *,
    generous: str = "",
    entropy: float = 3.0,
    weak: bool = False,
) -> TokenProvider:
    """A credential known by something inside of it. ``keywords`` are separated by ``|``."""
    return TokenProvider(
        id_, name, pattern, generous or pattern, tuple(keywords.split("|")), source, entropy=entropy, weak=weak
    )


_SHAPED: Final = (
    _shaped(
        "slack-webhook",
        "Slack webhook",
        r"hooks\.slack\.com/(?:services|workflows|triggers)/T[A-Z0-9]{7,12}/[A-Z0-9]{8,12}/([A-Za-z0-9]{18,32})",
        "hooks.slack.com",
        "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks",
        generous=r"hooks\.slack\.com/(?:services|workflows|triggers)/([\w/\-]{10,})",
    ),
    _shaped(
        "discord-webhook",
        "Discord webhook",
        r"discord(?:app)?\.com/api/webhooks/\d{17,20}/([A-Za-z0-9_\-]{60,80})",
        "/api/webhooks/",
        "https://discord.com/developers/docs/resources/webhook",
        generous=r"discord(?:app)?\.com/api/webhooks/\d+/([\w\-]+)",
    ),
    _shaped(
        "teams-webhook",
        "Microsoft Teams webhook",
        r"\.webhook\.office\.com/webhookb2/[0-9a-z\-@]{73}/IncomingWebhook/([0-9a-z]{32}/[0-9a-z\-]{36})",
        "webhook.office.com",
        "gitleaks:microsoft-teams-webhook",
        generous=r"\.webhook\.office\.com/webhookb2/([\w\-@/]{20,})",
    ),
    _shaped(
        "azure-storage",
        "Azure storage key",
        r"\bAccountKey=([A-Za-z0-9+/]{86}==)",
        "accountkey=",
        "https://learn.microsoft.com/en-us/azure/storage/common/storage-configure-connection-string",
        entropy=4.0,
        generous=r"AccountKey=([A-Za-z0-9+/]{16,}+=*+)",
    ),
    _shaped(
        "azure-client-secret",
        "Azure client secret",
        r"(?<![\w~.\-])[A-Za-z0-9_~.\-]{3}\dQ~[A-Za-z0-9_~.\-]{31,34}(?![\w~.\-])",
        "q~",
        "gitleaks:azure-ad-client-secret",
        entropy=3.5,
        generous=r"[A-Za-z0-9_~.\-]{3}\dQ~[A-Za-z0-9_~.\-]{31,}+",
    ),
    _shaped(
        "telegram-bot",
        "Telegram bot token",
        r"\b\d{8,10}:AA[A-Za-z0-9_\-]{33}(?![A-Za-z0-9_\-])",
        ":aa",
        "https://core.telegram.org/bots/features#botfather",
        entropy=3.5,
        generous=r"(?<!\d)\d{8,10}:AA[A-Za-z0-9_\-]{33,}+",
    ),
    _shaped(
        "discord-bot",
        "Discord bot token",
        r"\b[MNO][A-Za-z0-9_\-]{23,27}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27,38}(?![A-Za-z0-9_\-])",
        ".",
        "https://discord.com/developers/docs/reference#authentication",
        entropy=3.5,
        generous=START + r"[MNO][A-Za-z0-9_\-]{23,27}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27,}+",
    ),
    _shaped(
        "mailchimp-key",
        "Mailchimp key",
        r"\b[0-9a-f]{32}-us\d{1,2}\b",
        "-us",
        "https://mailchimp.com/developer/marketing/docs/fundamentals/",
        generous=r"(?<![0-9a-f])[0-9a-f]{32}-us\d{1,2}",
    ),
    _shaped(
        "terraform-cloud",
        "Terraform Cloud token",
        r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_\-=]{60,70}",
        ".atlasv1.",
        "gitleaks:hashicorp-tf-api-token",
        generous=START + r"[A-Za-z0-9]{14}\.atlasv1\.[\w\-=]{30,}+",
    ),
    _shaped(
        "maxmind-key",
        "MaxMind licence key",
        r"\b[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk\b",
        "_mmk",
        "gitleaks:maxmind-license-key",
        generous=START + r"[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk",
    ),
    _shaped(
        "private-key",
        "private key",
        r"-----BEGIN (?:RSA |EC |DSA |OPENSSH |PGP )?PRIVATE KEY(?: BLOCK)?-----",
        "private key",
        "https://www.rfc-editor.org/rfc/rfc7468#section-10",
        entropy=0.0,
        generous=r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----((?>(?:[^\-]++|-(?!----END))+))",
    ),
    _shaped(
        "putty-key",
        "PuTTY private key",
        r"^PuTTY-User-Key-File-\d: ",
        "putty-user-key-file",
        "https://the.earth.li/~sgtatham/putty/latest/htmldoc/AppendixC.html",
        entropy=0.0,
        generous=r"PuTTY-User-Key-File-\d: ([\s\S]++)",
    ),
    _shaped(
        "jwt",
        "JSON web token",
        r"\beyJ[A-Za-z0-9_\-]{14,2000}\.eyJ[A-Za-z0-9_\-]{14,4000}\.[A-Za-z0-9_\-]{20,1000}",
        "eyj",
        "https://www.rfc-editor.org/rfc/rfc7515#section-7.1",
        entropy=3.5,
        weak=True,
        # the first eyJ of a word only: trying each of many would take quadratic time
        generous=r"(?<![\w\-])(?>[\w\-]*?eyJ)[\w\-]{8,}+\.[\w\-]{8,}+\.[\w\-.]*+",
    ),
)

PROVIDERS: Final[tuple[TokenProvider, ...]] = (*_PREFIXED, *_SHAPED)
