"""What people do here, written down with who asked and from where."""

from typing import Any

from flask import request

from app.accounts.identity import Identity
from pipelines.models import audit


def note(action: str, target: str = "", person: Identity | None = None, **detail: Any) -> None:
    """Write down what this request did; `person` is None if nobody proved who they are. Never give it a secret."""
    audit.record(
        action,
        actor_id=person.user_id if person else None,
        actor=person.name if person else "",
        address=request.remote_addr or "",
        target=target,
        detail=detail,
    )
