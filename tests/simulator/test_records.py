"""Records go into the journal and come back equal."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from sora_gateway.simulator.parts import Part
from sora_gateway.simulator.records import (
    Account,
    Cameo,
    CastMember,
    Character,
    Post,
    Remixed,
    Task,
    Upload,
)
from sora_gateway.simulator.scenario import AccountSettings
from tests.simulator.test_timeline import TASK

CAMEO = Cameo(
    id="cameo_1",
    account_id="user-1",
    created_at=1.0,
    source="video.mp4",
    generation_id=None,
    start_s=0,
    end_s=3,
    failure=None,
    username_hint="one.rusty",
    display_name_hint="Rusty",
    instruction_hint="calm",
)
CHARACTER = Character(
    id="ch_1",
    cameo_id="cameo_1",
    account_id="user-1",
    created_at=2.0,
    username="rusty481",
    display_name="Rusty",
    picture_id="file_1",
    instruction_set={"value": [{"type": "text", "value": "calm"}]},
    safety_instruction_set=None,
)


def test_plain_data_round_trip() -> None:
    """Nothing but JSON inside."""
    member = CastMember(
        character_id="ch_1",
        username="rusty",
        display_name="Rusty",
        owner_id="u",
        owner_username=None,
        picture_id="file_1",
    )
    full = replace(
        TASK,
        parts=(Part(prompt="a", seconds=2.5), Part(prompt="b", seconds=7.5, note="shot 2 of 2")),
        cast=(member,),
        remixed=Remixed(target_id="s_1", generation_id="gen_0"),
        extended_id="gen_0",
    )
    for task in (TASK, full):
        assert Task.restored(json.loads(json.dumps(asdict(task)))) == task
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
    for made in (CAMEO, CHARACTER):
        assert type(made)(**json.loads(json.dumps(asdict(made)))) == made


def test_a_task_of_an_older_journal() -> None:
    """What was not known then is empty."""
    data = asdict(TASK)
    for key in ("parts", "cast", "remixed", "extended_id"):
        del data[key]
    assert Task.restored(json.loads(json.dumps(data))) == TASK


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
