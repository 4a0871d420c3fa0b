"""Read what the backend says of an account and its plan."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from sora_gateway.upstreams.sora_web.fields import Id, Text, as_object, as_objects
from sora_gateway.upstreams.sora_web.wire import Wire


class Me(Wire):
    """Whose credential it is.

    Source: Sora web protocol, section 3.1. Example:
    ``{"id": "user-Qz81LmT4cVb2Ns7XhKe93RwP", "email": "pool-07@example.org", "username": null}``
    """

    id: Id
    email: Text = None


class PlanObject(Wire):
    """A plan. Source: Sora web protocol, section 3.2. Example: ``{"id": "chatgpt_plus", "title": "…"}``"""

    id: Text = None
    title: Text = None


class Subscription(Wire):
    """A plan in force. Source: Sora web protocol, section 3.2. Example: ``{"plan": {"id": "…"}}``"""

    plan: Annotated[PlanObject | None, BeforeValidator(as_object)] = None


class Subscriptions(Wire):
    """The subscriptions of an account, the one in force first; none: no paid plan.

    Source: Sora web protocol, section 3.2. Example:
    ``{"data": [{"plan": {"id": "chatgpt_plus", "title": "ChatGPT Plus"}, "status": "active"}]}``
    """

    data: Annotated[list[Subscription], BeforeValidator(as_objects), Field(default_factory=list)]
