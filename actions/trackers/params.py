"""Where a tracker of work is, and how one logs in there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from actions.base import Secret
from actions.channels.http import ChannelHttp, host_of
from actions.channels.params import check_https
from actions.kinds.http import Access, basic_secret
from actions.validation import check_number

if TYPE_CHECKING:
    import aiohttp

TrackerKind = Literal["github", "gitlab", "jira", "servicenow"]


@dataclass(frozen=True, slots=True)
class TrackerParams:
    """url: of a repository (GitHub: `https://api.github.com/repos/OWNER/REPO`), of a project (GitLab:
    `https://HOST/api/v4/projects/ID`), or of the instance (Jira, ServiceNow). token: sent as Bearer, or as the password
    of `user` where one is named. project: the key of the project, which Jira needs. Raises `ValueError`.
    """

    kind: TrackerKind
    url: str
    token: Secret
    user: str | None = None
    project: str | None = None
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        check_https("TrackerParams.url", self.url, is_base=True)
        check_number(self, "timeout_s", 0.1, 60.0)
        if self.user is not None and (not self.user or ":" in self.user):
            raise ValueError(f"TrackerParams.user: {self.user!r}, expected a user name without a colon")
        if (self.kind == "jira") != (self.project is not None):
            raise ValueError(f"TrackerParams.project: {self.project!r}, expected the key of a project for jira alone")

    @property
    def base(self) -> str:
        """The URL without a stroke at its end."""
        return self.url.rstrip("/")

    def http(self, session: aiohttp.ClientSession) -> ChannelHttp:
        """The client that is logged in."""
        scheme, secret = "Bearer", self.token
        if self.user is not None:
            scheme, secret = "Basic", basic_secret(self.user, self.token)
        accept = "application/vnd.github+json" if self.kind == "github" else "application/json"
        access = Access(
            auth_scheme=scheme, secret=secret, request_timeout_s=self.timeout_s, headers={"Accept": accept},
        )
        return ChannelHttp(session, access, (host_of(self.url),))
