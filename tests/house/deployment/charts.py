"""The Helm chart of `docker/helm/`, rendered by Helm itself (as a library), and what it renders to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.house.tree import ROOT

CHART = ROOT / "docker" / "helm" / "tocsin"
RELEASE, NAMESPACE = "tocsin", "tocsin"
HEADER = """\
# What docker/helm/tocsin renders to; do not edit, but run `python -m tests.house.deployment.charts`.
#   kubectl create namespace tocsin && kubectl apply -n tocsin -f docker/kubernetes/tocsin.yaml
"""
Document = dict[str, Any]


def render(values: Mapping[str, Any]) -> str:
    """What `helm template` gives for these values, laid over those of the chart, without the notes."""
    helm = pytest.importorskip("helm_python", reason="helm-python-sdk has no wheel for this platform")
    with helm.Chart.load(CHART) as chart:
        rendered: dict[str, str] = chart.render(dict(values), name=RELEASE, namespace=NAMESPACE)
    files = [text for name, text in sorted(rendered.items()) if name.endswith("yaml")]
    texts = [text.strip().removeprefix("---").strip() for text in files]
    return "\n---\n".join(text for text in texts if text) + "\n"


def documents(text: str) -> list[Document]:
    """The objects of a text of YAML."""
    return [one for one in YAML(typ="safe", pure=True).load_all(text) if one]


@cache
def defaults() -> Sequence[Document]:
    """What the chart renders to with its default values."""
    return documents(render({}))


def main() -> None:
    """Write the manifests anew."""
    (ROOT / "docker" / "kubernetes" / "tocsin.yaml").write_text(HEADER + render({}), encoding="utf-8")


if __name__ == "__main__":
    main()
