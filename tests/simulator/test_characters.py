"""Which characters a prompt casts, and how a cameo ends (Sora web protocol, sections 9.3 and 9.6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sora_gateway.simulator.backend import Backend, open_backend
from sora_gateway.simulator.characters import Source, cameo_status, cast_of, new_cameo_id, plan_cameo
from sora_gateway.simulator.errors import RefusalError
from sora_gateway.simulator.records import Account, Character, Visibility
from sora_gateway.simulator.scenario import Characters
from tests.simulator.conftest import START, account_of, scenario_of

RULES = Characters(processing_s=10)


def _character(account: Account, number: int, username: str, visibility: Visibility) -> Character:
    return Character(
        id=f"ch_{number}",
        cameo_id=f"cameo_{number}",
        account_id=account.id,
        created_at=START,
        username=username,
        display_name=username,
        picture_id="file_1",
        instruction_set=None,
        safety_instruction_set=None,
        visibility=visibility,
    )


@pytest.fixture
def backend() -> Iterator[Backend]:
    """Two accounts: `one` has four private characters, `two` a public and a private one."""
    scenario = scenario_of(accounts=[account_of("one"), account_of("two")])
    with open_backend(scenario, media_origin="http://m", now=lambda: START) as opened:
        one, two = opened.state.accounts.values()
        for number, name in enumerate(("fox", "owl.2", "cat_3", "elk")):
            opened.state.put_character(_character(one, number, name, "private"))
        opened.state.put_character(_character(two, 8, "open", "public"))
        opened.state.put_character(_character(two, 9, "shut", "private"))
        yield opened


def _cast(backend: Backend, prompt: str, *cameo_ids: str) -> list[str]:
    one = next(iter(backend.state.accounts.values()))
    return [member.username for member in cast_of(backend, one, prompt, cameo_ids)]


@pytest.mark.parametrize(
    ("prompt", "cast"),
    [
        ("@fox runs", ["fox"]),
        ("a @fox\nand @owl.2 and @fox ", ["fox", "owl.2"]),
        ("the end of @open", ["open"]),
        ("by token <@ch_2>, quite", ["cat_3"]),
        ("@foxy @nobody @one runs", []),
        ("mail@fox runs, @fox, @@fox runs", []),
        ("fox runs", []),
    ],
)
def test_mentions(backend: Backend, prompt: str, cast: list[str]) -> None:
    """A name and a blank; unknown names, accounts and addresses are text like any other."""
    assert _cast(backend, prompt) == cast


def test_ids_are_added_to_the_mentions(backend: Backend) -> None:
    """Each character once."""
    assert _cast(backend, "@fox runs", "ch_0", "ch_8") == ["fox", "open"]


@pytest.mark.parametrize(
    ("prompt", "ids", "text"),
    [
        ("@shut runs", (), "@shut is private"),
        ("runs", ("ch_9",), "@shut is private"),
        ("@fox @owl.2 @cat_3 @elk run", (), "up to 3 characters, not 4"),
        ("@fox @owl.2 @cat_3 run", ("ch_8",), "up to 3 characters, not 4"),
        ("runs", ("ch_x",), "Unknown cameo_ids"),
        ("runs", ("user-x",), "Unknown cameo_ids"),
    ],
)
def test_refused_casts(backend: Backend, prompt: str, ids: tuple[str, ...], text: str) -> None:
    """Other people's private characters, too many, unknown ids."""
    with pytest.raises(RefusalError, match=text) as caught:
        _cast(backend, prompt, *ids)
    assert caught.value.status == 400


def test_accounts_are_not_cast(backend: Backend) -> None:
    """Nobody here has allowed to be shown."""
    two = list(backend.state.accounts)[1]
    with pytest.raises(RefusalError, match="cannot be used"):
        _cast(backend, "runs", two)


def _source(*texts: str) -> Source:
    return Source(name="video.mp4", generation_id=None, start_s=0, end_s=3, texts=texts)


def _plan(backend: Backend, *texts: str) -> Any:
    account = next(iter(backend.state.accounts.values()))
    return plan_cameo(account, new_cameo_id(), _source(*texts), RULES, START)


def test_a_cameo_is_done_after_a_while(backend: Backend) -> None:
    """The hints are made from the account's name and a word."""
    cameo = _plan(backend, "video.mp4")
    assert [cameo_status(cameo, RULES, START + at) for at in (0, 9.9, 10)] == [
        "processing",
        "processing",
        "finalized",
    ]
    account, word = cameo.username_hint.split(".")
    assert (account, cameo.display_name_hint) == ("one", word.capitalize())


@pytest.mark.parametrize("texts", [("[person].mp4",), ("video.mp4", "by [person]")])
def test_a_person_is_refused(backend: Backend, texts: tuple[str, ...]) -> None:
    """By a word in any of the texts."""
    with pytest.raises(RefusalError, match="real person") as caught:
        _plan(backend, *texts)
    assert caught.value.body["error"]["code"] == "content_refused"


def test_others_fail_later(backend: Backend) -> None:
    """With the scenario's text."""
    cameo = _plan(backend, "[no-character].mp4")
    assert cameo_status(cameo, RULES, START + 10) == "failed"
    assert "couldn't find" in cameo.failure
