"""GitHub, for the repository of an invented harbour."""

from __future__ import annotations

from typing import Any

from hookline.cli.demo.payloads.webhook import Occasion, Webhook, compact

_HOST = "https://github.com"
_API = "https://api.github.com"
_REPOSITORY = "harbour-lights-demo/tide-table"


def push(occasion: Occasion) -> Webhook:
    """A commit was pushed to the main branch."""
    before, after = occasion.hex("before", 40), occasion.hex("after", 40)
    commit = _commit(occasion, after)
    body = {
        "ref": "refs/heads/main",
        "before": before,
        "after": after,
        "repository": _repository(occasion),
        "pusher": {"name": "mara-demo", "email": "mara@harbour-lights.example"},
        "organization": {"login": "harbour-lights-demo", "id": 900001, "description": "Invented for a demonstration"},
        "sender": _user("mara-demo", 900002),
        "created": False,
        "deleted": False,
        "forced": False,
        "base_ref": None,
        "compare": f"{_HOST}/{_REPOSITORY}/compare/{before[:12]}...{after[:12]}",
        "commits": [commit],
        "head_commit": commit,
    }
    return _webhook("push", occasion, body)


def pull_request_opened(occasion: Occasion) -> Webhook:
    """Somebody proposes a change."""
    number = occasion.number("pull request", 3)
    body = {
        "action": "opened",
        "number": number,
        "pull_request": {
            "url": f"{_API}/repos/{_REPOSITORY}/pulls/{number}",
            "id": occasion.number("pull request id", 10),
            "html_url": f"{_HOST}/{_REPOSITORY}/pull/{number}",
            "number": number,
            "state": "open",
            "locked": False,
            "title": "Show the next low water first",
            "user": _user("tomasz-demo", 900003),
            "body": "People walk to the island at low water. They look for that time, so it should stand first.",
            "created_at": occasion.iso(),
            "updated_at": occasion.iso(),
            "closed_at": None,
            "merged_at": None,
            "draft": False,
            "head": {"label": "harbour-lights-demo:low-water", "ref": "low-water", "sha": occasion.hex("head", 40)},
            "base": {"label": "harbour-lights-demo:main", "ref": "main", "sha": occasion.hex("base", 40)},
            "author_association": "MEMBER",
            "merged": False,
            "comments": 0,
            "commits": 2,
            "additions": 41,
            "deletions": 17,
            "changed_files": 3,
        },
        "repository": _repository(occasion),
        "sender": _user("tomasz-demo", 900003),
    }
    return _webhook("pull_request.opened", occasion, body)


def issues_opened(occasion: Occasion) -> Webhook:
    """Somebody reports a fault."""
    number = occasion.number("issue", 3)
    body = {
        "action": "opened",
        "issue": {
            "url": f"{_API}/repos/{_REPOSITORY}/issues/{number}",
            "html_url": f"{_HOST}/{_REPOSITORY}/issues/{number}",
            "id": occasion.number("issue id", 10),
            "number": number,
            "title": "Wrong high water on the night the clocks change",
            "user": _user("noor-demo", 900004),
            "labels": [{"id": 900100, "name": "bug", "color": "d73a4a", "default": True}],
            "state": "open",
            "comments": 0,
            "created_at": occasion.iso(),
            "updated_at": occasion.iso(),
            "author_association": "CONTRIBUTOR",
            "body": "One hour is counted twice. – Seen on the quay, with a wet foot. 🌊",
        },
        "repository": _repository(occasion),
        "sender": _user("noor-demo", 900004),
    }
    return _webhook("issues.opened", occasion, body)


def _webhook(event_type: str, occasion: Occasion, body: dict[str, Any]) -> Webhook:
    return Webhook("github", event_type, occasion.guid("delivery"), compact(body))


def _commit(occasion: Occasion, sha: str) -> dict[str, Any]:
    person = {"name": "Mara Lindqvist", "email": "mara@harbour-lights.example", "username": "mara-demo"}
    return {
        "id": sha,
        "tree_id": occasion.hex("tree", 40),
        "distinct": True,
        "message": "Count the hour of the clock change once",
        "timestamp": occasion.iso(ago_s=95),
        "url": f"{_HOST}/{_REPOSITORY}/commit/{sha}",
        "author": person,
        "committer": person,
        "added": [],
        "removed": [],
        "modified": ["tides/clock.py", "tests/test_clock.py"],
    }


def _repository(occasion: Occasion) -> dict[str, Any]:
    return {
        "id": 900010,
        "node_id": "R_demo900010",
        "name": "tide-table",
        "full_name": _REPOSITORY,
        "private": False,
        "owner": {"login": "harbour-lights-demo", "id": 900001, "type": "Organization"},
        "html_url": f"{_HOST}/{_REPOSITORY}",
        "description": "When the water comes and when it goes",
        "fork": False,
        "url": f"{_API}/repos/{_REPOSITORY}",
        "pushed_at": occasion.now_s,
        "language": "Python",
        "default_branch": "main",
        "topics": ["harbour", "tides"],
        "visibility": "public",
    }


def _user(login: str, number: int) -> dict[str, Any]:
    return {
        "login": login,
        "id": number,
        "html_url": f"{_HOST}/{login}",
        "url": f"{_API}/users/{login}",
        "type": "User",
        "site_admin": False,
    }
