"""Whatever the backend answers: it is read, or said to be unreadable, and never taken for something else."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.media import MediaKind
from sora_gateway.domain.remote import Accepted, Ambiguous, Found, NotSeen, Refused, RemoteSucceeded, Unclear
from sora_gateway.upstreams.sora_web import matching, prompts, results, translate
from sora_gateway.upstreams.sora_web.errors import LONGEST_REST_S, require_success, to_error
from sora_gateway.upstreams.sora_web.upstream import SoraWeb
from sora_gateway.upstreams.sora_web.wire import (
    Answer,
    UnreadableError,
    drafts_page,
    pending_page,
    problem,
    recent_page,
)
from sora_gateway.upstreams.sora_web.wire_characters import CharacterList, OneCharacter, Posted, StoredFile
from tests.fuzzing import json_values, mutated, texts, tries
from tests.upstreams.sora_web.support import (
    NOW,
    account,
    answer_of,
    http,
    image,
    job,
    legacy,
    routing,
    sample,
    sent,
    serving,
    video,
)

MARKS = 80


def nested(depth: int, key: str | None = None) -> Any:
    """Return objects in objects, or lists in lists."""
    value: Any = "s_1"
    for _ in range(depth):
        value = [value] if key is None else {key: value}
    return value


deep = st.builds(nested, st.sampled_from([50, 150, 600, 900]), st.sampled_from([None, "post", "id", "error"]))
values = json_values | deep


def like(*names: str, wrapped: bool = False) -> st.SearchStrategy[Any]:
    """Return answers that nearly look like samples of the document."""
    rows = [sample(name) for name in names]
    return st.one_of(*[mutated([row] if wrapped else row, values) for row in rows], values)


bodies = st.binary(max_size=40) | st.sampled_from(
    [
        b"",
        b"\xff\xfe",
        b"<!DOCTYPE html>",
        b"[" * 100_000,
        b'{"id":' * 5000,
        b"1" * 5000,
        b"NaN",
        b'"\\ud800"',
    ]
)


def body_of(value: Any) -> bytes:
    """Return bytes as they are, and anything else as JSON."""
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def read(answer: Answer) -> Any:
    """Return what is in the answer, None if nobody can read it."""
    try:
        return answer.json()
    except UnreadableError:
        return None


# --- creations ----------------------------------------------------------------------------------------------


@given(
    like("nf_create") | bodies,
    st.sampled_from([200, 201, 204, 301, 400, 401, 403, 408, 422, 429, 500, 503]),
    st.sampled_from([{}, {"cf-mitigated": "challenge"}, {"retry-after": "9" * 9}, {"retry-after": "²"}]),
)
@example({"id": " "}, 200, {})
@example({"id": "task\n1"}, 200, {})
@example({"task_id": "\ud800"}, 200, {})
@example(
    {
        "id": "t",
        "rate_limit_and_credit_balance": {
            "estimated_num_videos_remaining": 1e308,
            "estimated_num_purchased_videos_remaining": 1e308,
        },
    },
    200,
    {},
)
@tries(MARKS)
def test_a_creation_is_bound_to_nothing_but_an_id(value: Any, status: int, headers: dict[str, str]) -> None:
    """What names no task is ambiguous where the backend said yes; a no is a no with a kind."""
    answer = Answer(status=status, headers=headers, body=body_of(value))
    outcome = translate.submission(answer, MediaKind.VIDEO, NOW)
    match outcome:
        case Accepted(remote_id=remote_id):
            said = read(answer)
            said = said[0] if isinstance(said, list) else said
            assert answer.is_success
            assert remote_id in (said.get("id"), said.get("task_id"))
            assert remote_id.isascii()
            assert remote_id.isprintable()
            assert " " not in remote_id
        case Ambiguous(error=error):
            assert error.kind is ErrorKind.SUBMISSION_UNKNOWN
        case Refused(error=error, until=until):
            assert not answer.is_success
            assert until is None or math.isfinite(until)
            error.message.encode()
        case _:
            raise AssertionError(outcome)


@given(like("nf_check") | bodies, st.sampled_from([200, 400, 429, 500]))
@tries(MARKS)
def test_a_quota_is_a_number_or_unknown(value: Any, status: int) -> None:
    """Never below nothing, never an endless one."""
    carrier = translate.carrier(Answer(status=status, headers={}, body=body_of(value)))
    quota = translate.balance(carrier.rate_limit_and_credit_balance, NOW)
    if quota is not None:
        assert quota.videos_remaining is None or quota.videos_remaining >= 0
        assert quota.resets_at is None or NOW <= quota.resets_at <= NOW + LONGEST_REST_S


@given(
    st.sampled_from([row["body"] for row in sample("errors") if "body" in row]).flatmap(
        lambda row: mutated(row, values)
    )
    | values
    | bodies,
    st.integers(100, 599),
    st.dictionaries(st.sampled_from(["retry-after", "content-type", "cf-mitigated"]), texts, max_size=2),
)
@tries(MARKS)
def test_every_refusal_has_a_kind(value: Any, status: int, headers: dict[str, str]) -> None:
    """The words that go to a caller can be sent, and the account's rest has an end."""
    answer = Answer(status=status, headers=headers, body=body_of(value))
    error, until = to_error(answer, NOW)
    error.message.encode()
    assert until is None or math.isfinite(until)
    problem(answer).text.encode()
    if not answer.is_success:
        with pytest.raises(GatewayError):
            require_success(answer, NOW)


# --- lists --------------------------------------------------------------------------------------------------


def row_id(row: Any) -> Any:
    """Return what a list says its row's id is."""
    return row.get("id") or row.get("task_id") or row.get("generation_id") if isinstance(row, dict) else None


@given(like("pending") | like("image_task", wrapped=True))
@example([{"id": "t", "prompt": "\ud800"}])
@example([{"id": "t", "creation_config": {"remix_target_post": nested(900, "post")}}])
@example([{"id": "t", "inpaint_items": nested(900)}])
@example([{"id": "t", "width": 1e308, "height": -1e308}])
@example([{"id": " "}])
@tries(MARKS)
def test_lists_of_tasks_are_read_or_unreadable(value: Any) -> None:
    """All that is made of a row is made without a fault; a row without an id makes the page incomplete."""
    answer = answer_of(value)
    for parse, is_first in ((pending_page, False), (recent_page, True)):
        try:
            page = parse(answer.json())
        except UnreadableError:
            continue
        for task in page.rows:
            assert task.id.isprintable()
            assert " " not in task.id
            seen = matching.seen_recent(task) if is_first else matching.seen_pending(task)
            assert seen.id == task.id
            share = results.progress(task)
            assert share is None or 0.0 <= share <= 1.0
            results.listed(task, is_first_generation=is_first)
            status = results.recent_status(task) if is_first else results.pending_status(task)
            if isinstance(status, RemoteSucceeded):
                assert all(output.url for output in status.outputs)
    rows = read(answer)
    if isinstance(rows, list) and any(not row_id(row) for row in rows if isinstance(row, dict)):
        assert not pending_page(rows).is_whole


@given(like("drafts"), st.booleans())
@example({"items": [{"id": "gen_1", "task_id": "task\x001"}]}, False)
@example({"items": [{"id": "gen_1", "post": nested(900, "post")}]}, False)
@tries(MARKS)
def test_drafts_are_read_or_unreadable(value: Any, is_watermark_wanted: bool) -> None:
    """A draft belongs to a task with an id, or to none."""
    try:
        page = drafts_page(answer_of(value).json())
    except UnreadableError:
        return
    for draft in page.rows:
        assert draft.task_id is None or (draft.task_id.isprintable() and " " not in draft.task_id)
        assert draft.post_id is None or isinstance(draft.post_id, str)
        matching.seen_draft(draft, draft.task_id or "task_1")
        results.draft_status([draft], is_watermark_wanted=is_watermark_wanted)
    results.draft_status(page.rows, is_watermark_wanted=is_watermark_wanted)


# --- the smaller answers ------------------------------------------------------------------------------------


def kinds_of(work: Callable[[], str]) -> set[ErrorKind]:
    """Return the kind of error that ``work`` ends with, none where it gives a text with something in it."""
    try:
        assert work()
    except GatewayError as error:
        error.message.encode()
        return {error.kind}
    return set()


@given(like("me"), st.none() | like("subscriptions"), texts | st.just("a.eyJleHAiOiAxZTk5OX0.c"))
@tries(MARKS)
def test_who_an_account_is_is_known_or_not(me: Any, plans: Any, token: str) -> None:
    """Facts, or one kind of error."""
    kinds = kinds_of(lambda: translate.facts(answer_of(me), answer_of(plans), None, token).backend_id)
    assert kinds <= {ErrorKind.UPSTREAM_UNREACHABLE}


@given(like("upload"))
@tries(MARKS)
def test_an_upload_has_an_id_or_is_none(value: Any) -> None:
    """An id, a refusal in the backend's words, or an answer that nobody understands."""
    kinds = kinds_of(lambda: translate.upload_id(answer_of(value)))
    assert kinds <= {ErrorKind.UPSTREAM_UNREACHABLE, ErrorKind.CONTENT_REFUSED}


@given(values)
@tries(MARKS)
def test_answers_about_characters_and_prompts_break_nothing(value: Any) -> None:
    """Each model takes the answer or calls it invalid."""
    for model in (OneCharacter, CharacterList, Posted, StoredFile):
        try:
            model.model_validate(read(answer_of(value)))
        except ValidationError:
            continue
    try:
        prompts.wording(answer_of(value), "a boat")
    except GatewayError as error:
        error.message.encode()


# --- the whole backend --------------------------------------------------------------------------------------

JOBS = (job("task_01kq3z0s7hf1t8m4x5d2j9bwnc"), job("task_2"), job("task_3", MediaKind.IMAGE))
ASKED = (sent(video(), "t1"), sent(image(), "t2"), sent(legacy(), "t3"))


@given(like("pending"), like("drafts"), like("image_task", wrapped=True), st.sampled_from([200, 404, 500]))
@tries(15)
async def test_looking_and_finding_know_or_say_so(
    pending: Any, drafts: Any, recent: Any, status: int
) -> None:
    """Nothing but typed errors comes out, and nothing is found that no list names."""
    pages = {
        "nf_pending_v2": http(pending, status),
        "drafts_v2": http(drafts),
        "v2_recent_tasks": http(recent),
    }
    named = json.dumps([pending, drafts, recent])
    async with serving(routing(**pages)) as server:
        upstream = SoraWeb(server.config(drafts_after_s=0.0), now=lambda: NOW + 60)
        try:
            for _ in range(2):
                try:
                    observed = await upstream.observe(JOBS, account(), frozenset(MediaKind))
                    assert set(observed.statuses) <= {job.id for job in JOBS}
                except GatewayError as error:
                    error.message.encode()
            try:
                findings = await upstream.find(ASKED, account())
            except GatewayError as error:
                error.message.encode()
            else:
                for finding in findings.values():
                    assert isinstance(finding, Found | NotSeen | Unclear)
                    assert not isinstance(finding, Found) or json.dumps(finding.remote_id) in named
        finally:
            await upstream.aclose()
