"""Account calls: me, plan, quota, invites, username, profile, models (Sora web protocol, section 3)."""

from __future__ import annotations

from typing import Any

from sora_gateway.simulator.bodies import UsernameBody, parse
from sora_gateway.simulator.clock import to_iso
from sora_gateway.simulator.creation import current_balance
from sora_gateway.simulator.endpoint import Answer, Call, Route, json_answer
from sora_gateway.simulator.errors import refusal
from sora_gateway.simulator.records import Account
from sora_gateway.simulator.scenario import DAY_S
from sora_gateway.simulator.usernames import check_username as check_free
from sora_gateway.simulator.usernames import is_available
from sora_gateway.simulator.views_characters import profile_view
from sora_gateway.simulator.views_nf import SITE, style_view

_PLAN_TITLES = {"plus": "ChatGPT Plus", "pro": "ChatGPT Pro", "team": "ChatGPT Business"}
_MODELS = [{"id": "sy_8", "label": "Sora 2"}, {"id": "sy_ore", "label": "Sora 2 Pro"}]
_V1_MODELS = [{"id": "turbo", "label": "Sora Turbo"}]


async def get_me(call: Call) -> Answer:
    """``GET /me`` (section 3.1)."""
    return json_answer(_me(call.account))


async def set_me(call: Call) -> Answer:
    """``POST /me`` with a username (section 3.5)."""
    return json_answer(_me(_renamed(call)))


async def get_subscriptions(call: Call) -> Answer:
    """``GET /billing/subscriptions`` (section 3.2); a free account has none."""
    account = call.account
    plan = account.settings.plan
    if plan == "free":
        return json_answer({"data": []})
    subscription = {
        "id": f"sub_{account.id[-12:]}",
        "plan": {"id": f"chatgpt_{plan}", "title": _PLAN_TITLES[plan]},
        "status": "active",
        "end_ts": to_iso(account.created_at + 30 * DAY_S, timespec="seconds"),
    }
    return json_answer({"data": [subscription]})


async def get_check(call: Call) -> Answer:
    """``GET /nf/check`` (section 3.3); 404 on accounts without Sora 2."""
    if not call.account.settings.has_sora2:
        raise refusal("not_found")
    balance = current_balance(call.backend, call.account, call.now)
    return json_answer({"rate_limit_and_credit_balance": balance})


async def get_invite(call: Call) -> Answer:
    """``GET /project_y/invite/mine`` (section 3.4); 401 without Sora 2."""
    if not call.account.settings.has_sora2:
        raise refusal("unauthorized")
    code = _invite_code(call.account)
    return json_answer({"invite_code": code, "redeemed_count": 2, "total_count": 4})


async def bootstrap(call: Call) -> Answer:
    """``GET /m/bootstrap`` (section 3.4)."""
    return json_answer({"user_id": call.account.id})


async def check_username(call: Call) -> Answer:
    """``POST /project_y/profile/username/check`` (sections 3.5 and 9.4), for characters too."""
    username = parse(UsernameBody, call.json()).username
    return json_answer({"available": is_available(call.backend.state, username, call.account.id)})


async def set_username(call: Call) -> Answer:
    """``POST /project_y/profile/username/set`` (section 3.5)."""
    return json_answer(_profile(_renamed(call)))


async def get_profile(call: Call) -> Answer:
    """``GET /project_y/v2/me`` (section 3.6)."""
    account = call.account
    code = _invite_code(account)
    state = call.backend.state
    counts = {
        "post_count": sum(1 for post in state.posts.values() if post.account_id == account.id),
        "character_count": sum(1 for item in state.characters.values() if item.account_id == account.id),
    }
    my_info = {
        "email": account.email,
        "is_phone_number_verified": True,
        "is_underage": False,
        "signup_date": int(account.created_at),
        "invite_code": code,
        "invite_url": f"{SITE}/invite/{code}",
        "invites_remaining": 2,
        "num_redemption_gens": 10,
    }
    return json_answer({"profile": _profile(account) | counts, "my_info": my_info})


async def initialize(call: Call) -> Answer:
    """``GET /project_y/initialize_async`` (section 3.6)."""
    backend = call.backend
    own = [item for item in backend.state.characters.values() if item.account_id == call.account.id]
    return json_answer(
        {
            "composer_profiles": [profile_view(backend, item, call.now) for item in own],
            "max_cameos": backend.scenario.limits.max_cameos,
            "styles": [style_view(style) for style in backend.scenario.styles],
            "can_upload": True,
            "max_stitch_frames": 300,
            "max_bulk_tasks": backend.scenario.limits.max_bulk_tasks,
            "unread_draft_count": 0,
            "drafts_badge_count": 0,
            "holiday_gens_remaining": None,
        }
    )


async def list_models(call: Call) -> Answer:
    """``GET /models`` (section 3.6): with ``nf2=true`` those of Sora 2."""
    return json_answer({"data": _MODELS if call.query.get("nf2") == "true" else _V1_MODELS})


def _renamed(call: Call) -> Account:
    username = parse(UsernameBody, call.json()).username
    check_free(call.backend.state, username, call.account.id)
    call.backend.state.set_username(call.account, username)
    return call.backend.state.accounts[call.account.id]


def _me(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "email": account.email,
        "name": account.name,
        "username": account.username,
        "picture": None,
        "created_at": int(account.created_at),
    }


def _profile(account: Account) -> dict[str, Any]:
    return {
        "user_id": account.id,
        "username": account.username,
        "display_name": account.name,
        "plan_type": account.settings.plan,
        "can_cameo": False,
        "cameo_count": 0,
        "character_count": 0,
        "follower_count": 0,
        "post_count": 0,
        "permalink": f"{SITE}/profile/{account.username}" if account.username else None,
    }


def _invite_code(account: Account) -> str:
    return account.id[-6:].upper()


ROUTES = (
    Route(method="GET", template="/me", handler=get_me),
    Route(method="POST", template="/me", handler=set_me),
    Route(method="GET", template="/billing/subscriptions", handler=get_subscriptions),
    Route(method="GET", template="/nf/check", handler=get_check),
    Route(method="GET", template="/project_y/invite/mine", handler=get_invite),
    Route(method="GET", template="/m/bootstrap", handler=bootstrap),
    Route(method="POST", template="/project_y/profile/username/check", handler=check_username),
    Route(method="POST", template="/project_y/profile/username/set", handler=set_username),
    Route(method="GET", template="/project_y/v2/me", handler=get_profile),
    Route(method="GET", template="/project_y/initialize_async", handler=initialize),
    Route(method="GET", template="/models", handler=list_models),
)
