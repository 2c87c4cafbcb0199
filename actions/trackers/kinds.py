"""What each tracker is asked and told: how a thing is found by its id, and how it is made. Pure.

After the documented calls of GitHub (`/repos/OWNER/REPO/issues`), GitLab (`/projects/ID/issues`), Jira
(`/rest/api/2/issue`, `/rest/api/2/search`, at Jira Cloud `/rest/api/2/search/jql`) and ServiceNow
(`/api/now/table/task`). A mark with the id is in what is made, and is compared in what is found, since a search may
return more. GitHub's search is behind by some time, so its issues with our label are listed instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from actions.kinds.http import JsonValue
from actions.trackers.params import TrackerKind, TrackerParams

LABEL = "incident-review"
PER_PAGE = 100
CLOUD = ".atlassian.net"
Row = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done. id: of ours. title, text: with nothing in them that a tracker would act upon."""

    id: str
    title: str
    text: str
    due: date | None

    @property
    def mark(self) -> str:
        """The end of its text in a tracker."""
        return f"Id: {self.id}."


def body_of(task: Task, kind: TrackerKind, project: str | None = None) -> dict[str, JsonValue]:
    """The body of the request that makes it. project: the key of the project. Raises `ValueError` for Jira without."""
    due = None if task.due is None else task.due.isoformat()
    text = f"{task.text} {task.mark}"
    if kind == "github":
        return {"title": task.title, "body": text, "labels": [LABEL]}
    if kind == "gitlab":
        return {"title": task.title, "description": text, "labels": LABEL, **({"due_date": due} if due else {})}
    if kind == "servicenow":
        dated: dict[str, JsonValue] = {"due_date": f"{due} 00:00:00"} if due else {}
        return {"short_description": task.title, "description": text, "correlation_id": task.id, **dated}
    if project is None:
        raise ValueError("jira: no project, expected --project KEY")
    fields: dict[str, JsonValue] = {
        "project": {"key": project}, "summary": task.title, "description": text, "issuetype": {"name": "Task"},
        "labels": [LABEL, label_of(task)], **({"duedate": due} if due else {}),
    }
    return {"fields": fields}


def label_of(task: Task) -> str:
    """The label by which Jira finds it."""
    return f"tocsin-{task.id}"


def created_at(params: TrackerParams) -> str:
    """The URL to which the body is posted."""
    paths: Mapping[TrackerKind, str] = {
        "github": "/issues", "gitlab": "/issues", "jira": "/rest/api/2/issue", "servicenow": "/api/now/table/task",
    }
    return f"{params.base}{paths[params.kind]}"


def lookup(params: TrackerParams, task: Task, page: int) -> tuple[str, dict[str, str]]:
    """The URL and the query that find it. page: from 1, of a tracker that lists pages."""
    if params.kind == "github":
        return created_at(params), {"labels": LABEL, "state": "all", "per_page": str(PER_PAGE), "page": str(page)}
    if params.kind == "gitlab":
        return created_at(params), {"search": task.id, "in": "description", "per_page": str(PER_PAGE)}
    if params.kind == "servicenow":
        return created_at(params), {
            "sysparm_query": f"correlation_id={task.id}", "sysparm_fields": "number,correlation_id",
            "sysparm_limit": "10",
        }
    is_cloud = params.base.endswith(CLOUD)
    return f"{params.base}/rest/api/2/search{'/jql' if is_cloud else ''}", {
        "jql": f'labels = "{label_of(task)}"', "fields": "labels", "maxResults": "10",
    }


def rows_of(kind: TrackerKind, answer: JsonValue) -> list[Row]:
    """The rows of an answer to a lookup. Raises `ValueError` for another answer."""
    names: Mapping[TrackerKind, str | None] = {"github": None, "gitlab": None, "jira": "issues", "servicenow": "result"}
    name = names[kind]
    rows = answer.get(name) if name is not None and isinstance(answer, dict) else answer
    if not isinstance(rows, list) or not all(isinstance(one, dict) for one in rows):
        raise ValueError(f"{kind}: {str(answer)[:80]!r}, expected a list{'' if name is None else f' {name!r}'}")
    return [one for one in rows if isinstance(one, dict)]


def is_it(kind: TrackerKind, row: Row, task: Task) -> bool:
    """Whether a row is what was made of it."""
    if kind == "servicenow":
        return row.get("correlation_id") == task.id
    if kind == "jira":
        fields = row.get("fields")
        labels = fields.get("labels") if isinstance(fields, dict) else None
        return isinstance(labels, list) and label_of(task) in labels
    return str(row.get("body" if kind == "github" else "description") or "").rstrip().endswith(task.mark)


def place_of(params: TrackerParams, row: Row) -> str:
    """Where people see it: a URL, or its number at ServiceNow. Raises `ValueError` where the answer names none."""
    names: Mapping[TrackerKind, str] = {
        "github": "html_url", "gitlab": "web_url", "jira": "key", "servicenow": "number",
    }
    found = row.get(names[params.kind])
    if not isinstance(found, str) or not found:
        raise ValueError(f"{params.kind}: an answer without {names[params.kind]!r}")
    return f"{params.base}/browse/{found}" if params.kind == "jira" else found
