"""Whether a repository may have anything that a tool renders: told by names and words, before what finds and renders targets
is loaded. Asked by :mod:`bot.wiring.local_guard` and by rules; :mod:`bot.targets.discovery` finds the targets themselves.
"""

from __future__ import annotations

from typing import Final

KUSTOMIZATIONS: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
"""How a kustomization's file is called, in the order in which kustomize looks; more than one in a folder is an error
(``RecognizedKustomizationFileNames`` in kustomize's ``api/konfig/general.go``).
"""
CHARTS: Final = ("Chart.yaml", "Chart.yml")
"""What makes a folder a chart."""
CONTROLLERS: Final = (b"fluxcd.io", b"argoproj.io")
"""What every object of Flux and of Argo CD names: its group."""
SUFFIXES: Final = (".yaml", ".yml", ".json")
"""How files end whose documents are read."""


def is_built(path: str) -> bool:
    """Whether a file of this name is something to build by itself."""
    return path.rpartition("/")[2] in {*KUSTOMIZATIONS, *CHARTS}


def names_controller(data: bytes) -> bool:
    """Whether a document's bytes may hold an object that a controller renders from."""
    return any(controller_group in data for controller_group in CONTROLLERS)
