"""What an API server says of itself, as far as charts may ask for it (``.Capabilities``)."""

from __future__ import annotations

from dataclasses import dataclass

from bot.model.json import Tree


@dataclass(frozen=True, slots=True)
class ServedApi:
    """The version of Kubernetes (``v1.33.2``, empty where it is not known) and what is served: ``apps/v1`` and
    ``apps/v1/Deployment``, sorted.
    """

    version: str = ""
    api_versions: tuple[str, ...] = ()

    def beside(self, later: ServedApi) -> ServedApi:
        """This, with what ``later`` says where this says nothing."""
        return ServedApi(self.version or later.version, self.api_versions or later.api_versions)

    def as_tree(self) -> Tree:
        """As units hold it (:data:`bot.model.target.CAPABILITIES`); empty where nothing is known."""
        if not self.version and not self.api_versions:
            return {}
        return {"kubeVersion": self.version, "apiVersions": list(self.api_versions)}
