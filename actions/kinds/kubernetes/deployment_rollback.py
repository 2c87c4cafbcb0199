"""Roll a Kubernetes Deployment back to its last known good revision, as `kubectl rollout undo` does.

Crash: a key runs once. Duplicate: a second run of the same key finds its own note and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actions.base import Bounds
from actions.kinds.extras import optional
from actions.kinds.kubernetes.cluster import Cluster, ObjectName
from actions.kinds.kubernetes.revisions import DEPLOYMENT
from actions.kinds.kubernetes.workload_rollback import WorkloadRollback

if TYPE_CHECKING:
    import aiohttp


@dataclass(frozen=True, slots=True)
class DeploymentRollbackParams:
    """namespace, name: templates of the Deployment. version_label: the label of its pods that holds the version which
    telemetry names; without it the tag of the first container's image counts. Raises `ValueError`.
    """

    namespace: str
    name: str = "{service}"
    version_label: str = "app.kubernetes.io/version"
    cluster: Cluster = field(default_factory=Cluster)
    bounds: Bounds = field(default_factory=lambda: Bounds(timeout_s=30.0))

    def __post_init__(self) -> None:
        ObjectName(self.namespace, self.name).check("DeploymentRollbackParams")

    def build(self, _session: aiohttp.ClientSession) -> DeploymentRollback:
        """The action. Raises `UnusableAction` without the extra `kubernetes`."""
        return DeploymentRollback(self)


class DeploymentRollback(WorkloadRollback):
    """See the module."""

    kind = "deployment_rollback"

    def __init__(self, params: DeploymentRollbackParams) -> None:
        library = optional("kubernetes_asyncio.client", extra="kubernetes", kind=self.kind)
        name = ObjectName(params.namespace, params.name)
        super().__init__(library, params.cluster, DEPLOYMENT, name, params.version_label)
        self.bounds = params.bounds
