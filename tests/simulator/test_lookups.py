"""What an account may not see is not there (Sora web protocol, sections 7.3 and 8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from sora_gateway.simulator.backend import Backend, open_backend
from sora_gateway.simulator.errors import RefusalError
from sora_gateway.simulator.lookups import has_links, own_draft, readable_post
from sora_gateway.simulator.records import Account, Post, ShareSetting
from tests.simulator.conftest import START, account_of, scenario_of
from tests.simulator.test_timeline import TASK


@pytest.fixture
def backend() -> Iterator[Backend]:
    scenario = scenario_of(accounts=[account_of("one"), account_of("two")])
    with open_backend(scenario, media_origin="http://m", now=lambda: START) as opened:
        yield opened


def _accounts(backend: Backend) -> tuple[Account, Account]:
    one, two = backend.state.accounts.values()
    return one, two


def test_drafts(backend: Backend) -> None:
    """Own ones once they show; links may come later."""
    one, two = _accounts(backend)
    task = replace(TASK, account_id=one.id, created_at=START, outcome="late_url")
    backend.state.add_task(task)
    backend.state.add_task(replace(task, id="task_2", kind="legacy_video", generation_ids=("gen_2",)))
    for account, generation, at in ((one, "gen_1", 168), (two, "gen_1", 169), (one, "gen_2", 900)):
        with pytest.raises(RefusalError):
            own_draft(backend, account, generation, START + at)
    entry = own_draft(backend, one, "gen_1", START + 169)
    assert [has_links(entry, START + at) for at in (169, 199)] == [False, True]


@pytest.mark.parametrize(
    ("setting", "others_may"), [("public", True), ("unlisted", True), ("private", False)]
)
def test_posts(backend: Backend, setting: ShareSetting, others_may: bool) -> None:
    """A private one is there for its owner only; whoever has the link may read an unlisted one."""
    one, two = _accounts(backend)
    post = Post(
        id="s_1",
        account_id=one.id,
        generation_id="gen_1",
        kind="sora",
        text="",
        share_setting=setting,
        posted_at=START,
    )
    backend.state.add_post(post)
    assert readable_post(backend, one, "s_1") == post
    if others_may:
        assert readable_post(backend, two, "s_1") == post
    else:
        with pytest.raises(RefusalError):
            readable_post(backend, two, "s_1")
