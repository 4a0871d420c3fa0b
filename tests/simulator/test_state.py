"""State is what its events say, in this run or the next."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sora_gateway.simulator.clock import SkewedClock
from sora_gateway.simulator.journal import Journal
from sora_gateway.simulator.records import Account, Post, Reference
from sora_gateway.simulator.scenario import AccountSettings
from sora_gateway.simulator.state import State, file_id
from tests.simulator.conftest import scenario_of
from tests.simulator.test_records import CAMEO, CHARACTER
from tests.simulator.test_timeline import TASK

ACCOUNT = Account(
    id="user-1",
    settings=AccountSettings(name="one"),
    username="one",
    created_at=0,
    access_token="a",
    session_token="s",
    refresh_token="r",
)


def _open(path: Path | None) -> State:
    state = State(
        scenario_of(timing={"video": {"hidden_answers": 3}}), SkewedClock(lambda: 1000.0), Journal(path)
    )
    state.restore()
    return state


def test_everything_is_restored(tmp_path: Path) -> None:
    """Each kind of event is replayed into the same indexes."""
    state = _open(tmp_path / "journal")
    state.add_account(ACCOUNT)
    state.set_username(ACCOUNT, "uno")
    successor = state.rotate(ACCOUNT, "b")
    state.add_task(TASK)
    for number in (1, 2):
        state.add_post(
            Post(
                id=f"s_{number}",
                account_id="user-1",
                generation_id="gen_1",
                kind="sora",
                text="",
                share_setting="public",
                posted_at=1.0,
            )
        )
    state.delete_post("s_1")
    state.refuse_post("gen_1")
    state.add_reference(Reference(id="ref_1", account_id="user-1", body={"name": "x"}))
    for number in ("2", "3"):
        state.add_cameo(replace(CAMEO, id=f"cameo_{number}"))
        state.put_character(
            replace(CHARACTER, id=f"ch_{number}", cameo_id=f"cameo_{number}", username=f"rusty{number}")
        )
    state.put_character(replace(state.characters["ch_2"], visibility="public"))
    state.delete_character("ch_3")
    state.advance_clock(50)
    state.close()

    again = _open(tmp_path / "journal")
    account = again.accounts["user-1"]
    assert (account.username, account.refresh_token, account.access_token) == ("uno", successor, "b")
    assert again.account_named("one") == again.account_of_session("s") == account
    assert again.account_of_refresh_token("r") is None
    assert again.account_of_refresh_token(successor) == account
    assert again.spent_refresh_tokens == {"r": "user-1"}
    assert (again.owner_of_username("uno"), again.owner_of_username("one")) == (account, None)
    assert again.tasks["task_1"].task == TASK
    assert again.files[file_id("gen_1", is_marked=True)].task == TASK
    assert (set(again.posts), again.deleted_posts, again.post_refusals) == ({"s_2"}, {"s_1"}, {"gen_1": 1})
    assert set(again.references) == {"ref_1"}
    assert set(again.cameos) == {"cameo_2", "cameo_3"}
    (character,) = again.characters.values()
    assert character.visibility == "public"
    assert again.character_named("rusty2") == again.character_of("cameo_2") == character
    assert (again.character_named("rusty3"), again.character_of("cameo_3")) == (None, None)
    assert set(again.deleted_characters) == {"ch_3"}
    assert again._clock() == 1050
    again.close()


def test_restored_tasks_are_not_hidden_again(tmp_path: Path) -> None:
    """Only a new task is omitted from the first answers."""
    state = _open(tmp_path / "journal")
    state.add_account(ACCOUNT)
    state.add_task(replace(TASK, created_at=990.0))
    assert list(state.shelves["user-1"].pending(1000)) == []
    state.close()
    again = _open(tmp_path / "journal")
    assert len(list(again.shelves["user-1"].pending(1000))) == 1
    again.close()


def test_file_ids_differ_by_watermark() -> None:
    """Marked and clean files are different files, always the same ones."""
    assert file_id("gen_1", is_marked=True) == file_id("gen_1", is_marked=True)
    assert file_id("gen_1", is_marked=True) != file_id("gen_1", is_marked=False)
