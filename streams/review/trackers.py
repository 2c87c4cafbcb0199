"""Action items as the body of a request to a tracker, one template a tracker; sending it is not done here. Pure.

After the documented fields of GitHub (`POST /repos/OWNER/REPO/issues`), GitLab (`POST /projects/ID/issues`), Jira
(`POST /rest/api/2/issue`) and ServiceNow (`POST /api/now/table/task`). The id of the item is in each, so that whoever
sends can tell a repeat.
"""

from __future__ import annotations

from typing import Literal

from actions.audiences.labels import label
from streams.review.items import Item

Tracker = Literal["github", "gitlab", "jira", "servicenow"]


def body_of(item: Item, tracker: Tracker, project: str | None = None) -> dict[str, object]:
    """The body of the request that creates the item. project: the key of the project, which Jira needs.

    Raises `ValueError` without it.
    """
    title, due = label(item.text), None if item.due is None else item.due.isoformat()
    terms = f"Owner: {label(item.owner or 'nobody')}. Due: {due or 'no date'}."
    text = f"From the review of incident {label(item.incident_id)}. {terms} Id: {item.id}."
    if tracker == "github":
        return {"title": title, "body": text, "labels": ["incident-review"]}
    if tracker == "gitlab":
        return {"title": title, "description": text, "labels": "incident-review", **({"due_date": due} if due else {})}
    if tracker == "servicenow":
        dated = {"due_date": f"{due} 00:00:00"} if due else {}
        return {"short_description": title, "description": text, "correlation_id": item.id, **dated}
    if project is None:
        raise ValueError("jira: no project, expected --project KEY")
    fields = {"project": {"key": project}, "summary": title, "description": text, "issuetype": {"name": "Task"}}
    return {"fields": {**fields, **({"duedate": due} if due else {})}}
