"""Records go into the journal and come back equal."""

from __future__ import annotations

import json
from dataclasses import asdict

from sora_gateway.simulator.records import Account, Post, Task, Upload
from sora_gateway.simulator.scenario import AccountSettings
from tests.simulator.test_timeline import TASK


def test_plain_data_round_trip() -> None:
    """Nothing but JSON inside."""
    again = json.loads(json.dumps(asdict(TASK)))
    assert Task(**(again | {"generation_ids": tuple(again["generation_ids"])})) == TASK
    upload = Upload(
        id="media_1",
        account_id="user-1",
        kind="media",
        filename="a.png",
        mime_type="image/png",
        extension="png",
        width_px=1,
        height_px=1,
        size_bytes=1,
        created_at=1.5,
        use_case=None,
        is_refused=False,
    )
    assert Upload(**json.loads(json.dumps(asdict(upload)))) == upload
    post = Post(
        id="s_1",
        account_id="u",
        generation_id="gen_1",
        kind="sora",
        text="",
        share_setting="public",
        posted_at=1.0,
    )
    assert Post(**json.loads(json.dumps(asdict(post)))) == post


def test_names_fill_in_the_address() -> None:
    """`{name}` in the settings stands for the account's name."""
    account = Account(
        id="user-1",
        settings=AccountSettings(name="pool", plan="pro"),
        username=None,
        created_at=0,
        access_token="a",
        session_token="s",
        refresh_token="r",
    )
    assert (account.name, account.email, account.is_pro) == ("pool", "pool@example.org", True)
