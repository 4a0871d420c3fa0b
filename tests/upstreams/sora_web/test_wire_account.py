"""Reading whose credential it is, and which plan is in force."""

from __future__ import annotations

from sora_gateway.upstreams.sora_web.wire_account import Me, Subscriptions
from tests.upstreams.sora_web.support import sample


def test_the_account_of_the_document() -> None:
    """Section 3.1: its id and mail."""
    assert Me.model_validate(sample("me")).email == "pool-07@example.org"


def test_the_plan_of_the_document() -> None:
    """Section 3.2: the first entry is the plan in force."""
    plan = Subscriptions.model_validate(sample("subscriptions")).data[0].plan
    assert plan is not None
    assert plan.id == "chatgpt_plus"
    assert Subscriptions.model_validate({"data": ["x", {"plan": 3}]}).data[0].plan is None
