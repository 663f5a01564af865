"""Helm's own library in a process of its own: requests and answers are lines of JSON. Started by
:mod:`bot.renderers.helm` only.

A template that eats memory or time takes this process with it and nothing else. Charts stay loaded by the folder they
came from: the folder of other contents has another name.
"""

from __future__ import annotations

import inspect
import json
import sys
from typing import Any


def main() -> None:
    """Answer until standard input ends."""
    from helm_python import Chart

    sys.stdout.write("\n")  # ready: what takes time from now on is a chart's doing
    sys.stdout.flush()
    charts: dict[str, Any] = {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            path = request["chart"]
            if path not in charts:
                charts[path] = Chart.load(path)
            answer = rendered(charts[path], request)
        except Exception as exc:  # noqa: BLE001 - whatever a chart does wrong is the answer
            answer = {"error": str(exc) or type(exc).__name__}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def rendered(chart: Any, request: dict[str, Any]) -> dict[str, Any]:
    """The manifests by template, and the CRDs that the chart ships beside its templates as file and text."""
    options = {"name": request["name"], "namespace": request["namespace"], "is_install": True}
    cluster = {key: request[key] for key in ("kube_version", "api_versions") if request.get(key)}
    if not cluster or set(cluster) <= set(inspect.signature(chart.render).parameters):
        manifests = chart.render(values=request["values"], **options, **cluster)
    else:  # the library takes these options, its Python class of 0.2 does not hand them on
        from helm_python import _native

        encoded_options = json.dumps({**options, **cluster})
        manifests = json.loads(
            _native.call_string("helm_render", chart._raw(), json.dumps(request["values"]), encoded_options)  # noqa: SLF001
        )
    crds = [(crd.get("filename") or crd.get("name") or "", crd["data"]) for crd in chart.crds]
    return {"manifests": manifests, "crds": crds}


if __name__ == "__main__":
    main()
