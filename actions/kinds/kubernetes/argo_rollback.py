"""Roll an Argo Rollout back, as `kubectl argo rollouts abort` and `undo` do.

While an update is under way it is aborted first: the traffic goes back to the stable revision at once. Then the pod
template is set to the stable revision's, since an aborted Rollout would try the new version again. A Rollout that was
fully promoted goes back to its last known good revision by its template alone.

Crash: a key runs once. Duplicate: a second run of the same key finds its own note and changes nothing.
Source: Argo Rollouts, `pkg/kubectl-argo-rollouts/cmd/abort` and `cmd/undo`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actions.base import Bounds
from actions.kinds.extras import optional
from actions.kinds.http import JsonValue
from actions.kinds.kubernetes.cluster import MERGE_PATCH, Api, ApiError, Cluster, Object, ObjectName
from actions.kinds.kubernetes.objects import text_at
from actions.kinds.kubernetes.revisions import ROLLOUT
from actions.kinds.kubernetes.workload_rollback import WorkloadRollback

if TYPE_CHECKING:
    import aiohttp

NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class ArgoRollbackParams:
    """namespace, name: templates of the Rollout. version_label: the label of its pods that holds the version which
    telemetry names; without it the tag of the first container's image counts. Raises `ValueError`.
    """

    namespace: str
    name: str = "{service}"
    version_label: str = "app.kubernetes.io/version"
    cluster: Cluster = field(default_factory=Cluster)
    bounds: Bounds = field(default_factory=lambda: Bounds(timeout_s=30.0))

    def __post_init__(self) -> None:
        ObjectName(self.namespace, self.name).check("ArgoRollbackParams")

    def build(self, _session: aiohttp.ClientSession) -> ArgoRollback:
        """The action. Raises `UnusableAction` without the extra `kubernetes`."""
        return ArgoRollback(self)


class ArgoRollback(WorkloadRollback):
    """See the module."""

    kind = "argo_rollback"

    def __init__(self, params: ArgoRollbackParams) -> None:
        library = optional("kubernetes_asyncio.client", extra="kubernetes", kind=self.kind)
        name = ObjectName(params.namespace, params.name)
        super().__init__(library, params.cluster, ROLLOUT, name, params.version_label)
        self.bounds = params.bounds

    async def prepare(self, api: Api, path: str, item: Object) -> None:
        """Abort an update that is under way. Raises `TargetError`."""
        if text_at(item, "status", "currentPodHash") == text_at(item, "status", "stableRS"):
            return
        abort: JsonValue = {"status": {"abort": True}}
        try:
            await api.patch(f"{path}/status", abort, MERGE_PATCH)
        except ApiError as fault:
            # Installations before 0.10 have no status sub-resource.
            if fault.status != NOT_FOUND:
                raise
            await api.patch(path, abort, MERGE_PATCH)
