"""The Kubernetes API, read only: how to reach a cluster and how to list from it.

Used by :mod:`bot.observers.kubernetes`. The ``kubernetes`` library reads kubeconfig files and service accounts and keeps
credentials fresh; the requests themselves are plain GETs, because generic kinds as plain trees are all that is wanted.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bot.errors import Invalid, Unavailable
from bot.model.json import JSON, Tree, get, mapping, mappings, text
from bot.observers.sanitize import sanitized

if TYPE_CHECKING:
    import httpx

INSTALL: Final = "pip install 'clockwork-gitops[kubernetes]'"
SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds token, certificate and namespace (Kubernetes docs, "Accessing the Kubernetes API from a Pod")."""
_PAGE: Final = 500
"""Objects of one page, as kubectl asks for (``--chunk-size``): a server holds a whole page in memory."""
_RESTARTS: Final = 3
_BUSY_RETRIES: Final = 2
_LONGEST_WAIT: Final = 5.0


class Expired(Unavailable):
    """410 Gone. Where it answers a continue token that is too old, the list starts again.

    Kubernetes docs, "Kubernetes API Concepts", "Retrieving large results sets in chunks": a token lives about five minutes.
    """


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a cluster: ``configuration`` of the ``kubernetes`` library, the namespace kubectl would use."""

    configuration: Any = field(repr=False)  # kubernetes.client.Configuration holds credentials
    namespace: str

    @property
    def host(self) -> str:
        return str(self.configuration.host)


def access(
    kubeconfig: str | None,
    context: str | None,
    environment: Mapping[str, str],
    *,
    service_account: Path = SERVICE_ACCOUNT,
) -> Access:
    """Access by ``kubeconfig`` (else KUBECONFIG, else ``~/.kube/config``), or by the pod's service account.

    Raises :class:`Invalid` when there is neither, or the library is not installed.
    """
    try:
        from kubernetes.client import Configuration
        from kubernetes.config import ConfigException
    except ImportError as exc:
        raise Invalid("reading a Kubernetes cluster needs the kubernetes library", advice=INSTALL) from exc
    configuration = Configuration()
    files = kubeconfig or environment.get("KUBECONFIG") or str(Path(environment.get("HOME", "~")) / ".kube" / "config")
    try:
        if not kubeconfig and "KUBERNETES_SERVICE_HOST" in environment and not _any_file(files):
            return Access(configuration, _in_cluster(configuration, environment, service_account))
        return Access(configuration, _from_files(configuration, files, context))
    except (ConfigException, OSError, ValueError) as exc:
        raise Invalid(
            f"no access to a Kubernetes cluster: {sanitized(str(exc))[:200]}",
            advice="set KUBECONFIG to a kubeconfig file, or run inside the cluster with a service account",
        ) from exc


def _any_file(files: str) -> bool:
    return any(Path(file).expanduser().is_file() for file in files.split(":"))


def _in_cluster(configuration: object, environment: Mapping[str, str], account: Path) -> str:
    from kubernetes.config import incluster_config

    loading: Any = incluster_config.InClusterConfigLoader  # has no types
    loader = loading(str(account / "token"), str(account / "ca.crt"), environ=environment)
    loader.load_and_set(configuration)
    namespace = account / "namespace"
    return namespace.read_text().strip() if namespace.is_file() else "default"


def _from_files(configuration: object, files: str, context: str | None) -> str:
    from kubernetes.config import kube_config

    load: Any = kube_config.load_kube_config  # has no types
    listed: Any = kube_config.list_kube_config_contexts
    files = ":".join(str(Path(file).expanduser()) for file in files.split(":"))
    load(files, context, client_configuration=configuration, persist_config=False)
    contexts, active = listed(files)
    chosen = next((entry for entry in contexts if entry["name"] == context), active) if context else active
    return str(chosen.get("context", {}).get("namespace") or "default")


@dataclass(slots=True)
class ClusterApi:
    """GET requests to one cluster until ``deadline`` (monotonic clock), each at most ``timeout`` seconds long."""

    access: Access
    timeout: float
    deadline: float
    client: httpx.Client = field(init=False, repr=False)

    def __post_init__(self) -> None:
        import httpx

        configuration = self.access.configuration
        try:
            self.client = httpx.Client(
                base_url=configuration.host,
                verify=_tls(configuration),
                timeout=self.timeout,
                trust_env=False,
                proxy=configuration.proxy or None,
                limits=httpx.Limits(max_connections=16, max_keepalive_connections=16),
            )
        except (OSError, ValueError) as exc:
            raise Invalid(f"the cluster's TLS files or proxy: {sanitized(str(exc))[:200]}") from exc

    def close(self) -> None:
        self.client.close()

    def get(self, path: str, params: Mapping[str, str] | None = None, *, accept: str = "application/json") -> JSON:
        """What the API answers; None for 404. Raises ``Unavailable`` with the cause, :class:`Expired` for 410."""
        answer = self._answer(path, params or {}, accept)
        if answer.status_code == 404:
            return None
        if answer.status_code == 410:
            raise Expired("410 Gone")
        try:
            body: JSON = answer.json()
        except ValueError as exc:
            raise Unavailable(f"{answer.status_code}, and the answer is not JSON") from exc
        if not answer.is_success:
            message = sanitized(text(get(mapping(body), "message")))[:300]
            raise Unavailable(f"{answer.status_code} {answer.reason_phrase}" + (f": {message}" if message else ""))
        return body

    def words(self, path: str, params: Mapping[str, str]) -> str:
        """A plain-text answer such as a log; empty where there is none."""
        answer = self._answer(path, params, "application/json")
        return answer.text if answer.is_success else ""

    def items(
        self, path: str, params: Mapping[str, str] | None = None, *, read: Callable[[int], None] = lambda _: None
    ) -> list[Tree]:
        """All items of a list, page by page, with ``apiVersion`` and ``kind`` filled in as a single GET has them.

        ``read`` is told the number of items of each page.
        Items of a typed list have neither of them ("Kubernetes API Concepts", "Collections").
        A list that expires between two pages starts again, at most three times. ``Unavailable`` for 404 as well.
        """
        for _ in range(_RESTARTS):
            try:
                return self._pages(path, params or {}, read)
            except Expired:
                continue
        raise Unavailable("410 Gone: the list keeps expiring before its last page")

    def _pages(self, path: str, params: Mapping[str, str], read: Callable[[int], None]) -> list[Tree]:
        trees: list[Tree] = []
        token = ""
        while True:
            page = self.get(path, {**params, "limit": str(_PAGE), **({"continue": token} if token else {})})
            if page is None:
                raise Unavailable("404 Not Found: the cluster does not serve it")
            listed = _list(page)
            version, kind = text(listed.get("apiVersion")), text(listed.get("kind")).removesuffix("List")
            items = tuple(mappings(listed.get("items")))
            trees += ({"apiVersion": version, "kind": kind, **item} for item in items)
            read(len(items))
            token = text(get(listed, "metadata", "continue"))
            if not token:
                return trees

    def _answer(self, path: str, params: Mapping[str, str], accept: str) -> httpx.Response:
        for left_to_try in range(_BUSY_RETRIES, -1, -1):
            answer = self._once(path, params, accept)
            # 429 with Retry-After: Kubernetes docs, "API Priority and Fairness"
            if answer.status_code not in {429, 503} or not left_to_try:
                break
            wait = answer.headers.get("Retry-After", "1")
            time.sleep(min(float(wait) if wait.isdigit() else 1.0, _LONGEST_WAIT, self._left()))
        return answer

    def _once(self, path: str, params: Mapping[str, str], accept: str) -> httpx.Response:
        import httpx

        server_name = self.access.configuration.tls_server_name
        try:
            return self.client.get(
                path,
                params=dict(params),
                headers={"Accept": accept, **_credentials(self.access.configuration)},
                timeout=min(self.timeout, self._left()),
                extensions={"sni_hostname": server_name} if server_name else None,
            )
        except httpx.TimeoutException as exc:
            raise Unavailable(f"no answer within {min(self.timeout, self._left() or self.timeout):g} s") from exc
        except httpx.HTTPError as exc:
            raise Unavailable(sanitized(str(exc))[:200] or type(exc).__name__) from exc

    def _left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise Unavailable("the deadline passed")
        return left


def _list(page: JSON) -> Tree:
    """``page`` as the list that it has to be: what a proxy or a broken server says with 200 is not an empty list."""
    listed = mapping(page)
    kind = text(listed.get("kind"))
    if not kind.endswith("List") or not isinstance(listed.get("items", 0), (list, tuple, type(None))):
        message = sanitized(text(listed.get("message")))[:200]
        raise Unavailable(f"the answer is {kind or 'something else'}, no list" + (f": {message}" if message else ""))
    return listed


def _tls(configuration: Any) -> ssl.SSLContext | bool:
    if not str(configuration.host).startswith("https:"):
        return False
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert, cadata=configuration.ca_cert_data)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context


def _credentials(configuration: Any) -> dict[str, str]:
    """The authorisation header, refreshed by the library where the token is about to expire."""
    return {
        str(setting["key"]): str(setting["value"])
        for setting in configuration.auth_settings().values()
        if setting.get("in") == "header" and setting.get("value")
    }
