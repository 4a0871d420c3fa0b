"""Prove that what is stored is what is read, across neighbouring versions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sora_gateway.domain.accounts import Account, Credential
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.jobs import Job, Status
from sora_gateway.domain.licences import Licence
from sora_gateway.kit.redact import Secret
from sora_gateway.ports.stores import PublicEvent
from sora_gateway.stores.redis.cipher import FernetCipher
from sora_gateway.stores.redis.codec import JOBS, LICENCES, Codec, decode_event, encode_event
from tests.conftest_store import new_job

CIPHER = FernetCipher(["k"])
ACCOUNTS = Codec(Account, CIPHER)
_PLAIN = {
    str: st.text(max_size=20),
    int: st.integers(),
    bool: st.booleans(),
    float: st.floats(allow_nan=False),
    # A secret goes through a cipher, which carries UTF-8 only; credentials are ASCII anyway.
    Secret: st.builds(Secret, st.text(st.characters(codec="utf-8"), max_size=20)),
    type(None): st.none(),
}


def anything(kind: Any) -> st.SearchStrategy[Any]:
    """Return a strategy that fills every field of ``kind``, those with defaults too."""
    origin, args = get_origin(kind), get_args(kind)
    if kind in _PLAIN:
        return _PLAIN[kind]
    if isinstance(kind, type) and is_dataclass(kind):
        hints = get_type_hints(kind)
        filled = {field.name: anything(hints[field.name]) for field in fields(kind)}
        required = {name for name in filled if _is_required(kind, name)}
        optional = {name: filled[name] for name in filled if name not in required}
        return st.fixed_dictionaries({name: filled[name] for name in required}, optional=optional).map(
            lambda values: kind(**values)
        )
    if origin is tuple:
        return st.lists(anything(args[0]), max_size=3).map(tuple)
    if origin is frozenset:
        return st.frozensets(anything(args[0]))
    if origin in (dict, Mapping):
        return st.dictionaries(anything(args[0]), anything(args[1]), max_size=3)
    if origin is Union or args:
        return st.one_of([anything(arg) for arg in args])
    return st.sampled_from(kind)


def _is_required(kind: type, name: str) -> bool:
    field = next(field for field in fields(kind) if field.name == name)
    return field.default is MISSING and field.default_factory is MISSING


@settings(max_examples=150, deadline=None)
@given(anything(Job))
def test_a_job_comes_back_equal(job: Job) -> None:
    """Every field of the whole structure survives, as ASCII."""
    text = JOBS.encode(job)
    assert text.isascii()
    assert Codec(Job).decode(text) == job
    assert JOBS.decode(text) == job


def test_only_what_was_written_last_is_recognised() -> None:
    """The rest is read, and equal."""
    jobs = [new_job() for _ in range(3)]
    codec = Codec(Job, remembered=2)
    texts = [codec.encode(job) for job in (*jobs, jobs[2])]
    found = [codec.decode(text) for text in texts]
    assert found == [*jobs, jobs[2]]
    assert [one is job for one, job in zip(found, jobs, strict=False)] == [False, True, True]


@settings(max_examples=50, deadline=None)
@given(anything(Licence))
def test_a_licence_comes_back_equal(licence: Licence) -> None:
    """Every field survives."""
    assert LICENCES.decode(LICENCES.encode(licence)) == licence


@settings(max_examples=50, deadline=None)
@given(anything(Account))
def test_an_account_comes_back_equal(account: Account) -> None:
    """Every field survives."""
    assert ACCOUNTS.decode(ACCOUNTS.encode(account)) == account


@given(anything(PublicEvent))
def test_an_event_comes_back_equal(event: PublicEvent) -> None:
    """Every field survives, in one line."""
    assert decode_event(encode_event(event)) == event
    assert "\n" not in encode_event(event)


def test_secrets_do_not_lie_readable() -> None:
    """Neither token nor proxy can be read from the record."""
    account = Account(
        id="a",
        upstream="u",
        backend_id="b",
        credential=Credential(access_token=Secret("token-text")),
        proxy=Secret("proxy-text"),
    )
    text = ACCOUNTS.encode(account)
    assert "token-text" not in text
    assert "proxy-text" not in text


def test_a_record_of_a_newer_version_is_read() -> None:
    """Unknown fields are ignored, at every depth."""
    job = new_job()
    stored = json.loads(JOBS.encode(job))
    stored["tomorrow"] = {"a": [1]}
    stored["request"]["tomorrow"] = 1
    assert JOBS.decode(json.dumps(stored)) == job


def test_a_record_of_an_older_version_is_read() -> None:
    """Missing fields take the default of the dataclass, at every depth."""
    job = replace(new_job(), tries=5, deadline_at=0.0)
    stored = json.loads(JOBS.encode(job))
    del stored["tries"], stored["request"]["n"], stored["priority"]
    assert JOBS.decode(json.dumps(stored)) == replace(job, tries=0)


def test_defaults_that_say_something_are_written() -> None:
    """A default that changes with a version must not change what is stored; nothing is left out."""
    stored = json.loads(JOBS.encode(new_job()))
    assert stored["phase"] == "queued"
    assert stored["request"]["n"] == 1
    assert "error" not in stored
    assert "steps" not in stored


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"id":1', '{"phase":"dreaming"}', '{"request":7}', "null"])
def test_what_cannot_be_read_is_an_error_of_ours(text: str) -> None:
    """It names the kind of record and shows none of it."""
    with pytest.raises(GatewayError) as caught:
        JOBS.decode(text)
    assert caught.value.kind is ErrorKind.INTERNAL
    assert "Job" in caught.value.message
    assert "dreaming" not in caught.value.message


@dataclass(frozen=True)
class _Odd:
    thing: complex


def test_types_without_a_form_are_refused_when_the_codec_is_made() -> None:
    """Not when the first value is stored."""
    with pytest.raises(TypeError, match="complex"):
        Codec(_Odd)
    with pytest.raises(TypeError, match="cipher"):
        Codec(Account)


def test_an_event_line_is_short() -> None:
    """One event costs tens of bytes."""
    event = PublicEvent(seq=12, at=1.5, status=Status.IN_PROGRESS, percent=40)
    assert encode_event(event) == "12 1.5 in_progress 40"
