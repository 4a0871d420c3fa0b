"""Whatever stands in headers, links, ids and cursors: an answer, in time, and no fault."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs, quote, urlsplit

import httpx2
from hypothesis import example, given
from hypothesis import strategies as st

from tests.fakes import MP4
from tests.fuzzing import AWKWARD, texts, tries
from tests.gateway import Gateway

LONGEST_S = 10.0

header_bytes = st.one_of(
    st.sampled_from(AWKWARD).map(lambda text: text.encode("utf-8", "replace")),
    st.binary(max_size=20),
).map(lambda value: value.replace(b"\r", b" ").replace(b"\n", b" ").replace(b"\x00", b" "))
"""What a server lets through as the value of a header."""

in_paths = texts.map(lambda text: quote(text, safe="", errors="replace")).filter(lambda text: text.strip("."))


async def made(gateway: Gateway, client: httpx2.AsyncClient) -> str:
    """Return the id of a finished video."""
    gateway.generations.script, gateway.generations.step_s = (gateway.generations.completes,), 0.0
    answer = await client.post("/v1/videos", json={"model": "sora_video2", "prompt": "x"})
    await client.get(f"/v1/videos/{answer.json()['id']}/events")
    return str(answer.json()["id"])


async def asked(client: httpx2.AsyncClient, path: str, **headers: bytes) -> httpx2.Response:
    """Get something, with headers whose names are written with underscores."""
    named = [(name.replace("_", "-").encode(), value) for name, value in headers.items()]
    async with asyncio.timeout(LONGEST_S):
        answer = await client.get(path, headers=named)
    assert answer.status_code < 500, answer.text
    return answer


def numbers(most: int) -> st.SearchStrategy[str]:
    return st.sampled_from(["", "-", "٣", "1e3", "9" * 30]) | st.integers(-2, most).map(str)


ranges = st.one_of(
    st.builds("bytes={}-{}".format, numbers(len(MP4) + 2), numbers(len(MP4) + 2)).map(str.encode),
    st.builds("{}{}{}".format, st.sampled_from(["bytes=", "Bytes = ", "items="]), numbers(9), numbers(9)).map(
        str.encode
    ),
    st.sampled_from([b"bytes=0-1,3-4", b"bytes=" + b"0-1," * 5000, b"bytes=", b"bytes=-0"]),
    header_bytes,
)


@given(wanted=ranges, condition=st.none() | header_bytes, known=st.none() | header_bytes)
@example(wanted="bytes=٣-".encode(), condition=None, known=None)
@tries(80)
async def test_any_range_is_a_part_the_whole_or_a_no(
    gateway: Gateway, client: httpx2.AsyncClient, wanted: bytes, condition: bytes | None, known: bytes | None
) -> None:
    """The bytes are those that the answer says they are."""
    video = await made(gateway, client)
    more = {"if_range": condition, "if_none_match": known}
    given_ones = {name: value for name, value in more.items() if value is not None}
    answer = await asked(client, f"/v1/videos/{video}/content", range=wanted, **given_ones)
    match answer.status_code:
        case 200:
            assert answer.content == MP4
        case 206:
            span, _, total = answer.headers["content-range"].removeprefix("bytes ").partition("/")
            first, _, last = span.partition("-")
            assert int(total) == len(MP4)
            assert answer.content == MP4[int(first) : int(last) + 1]
            assert answer.content
        case status:
            assert status in (304, 416)


@given(
    variant=in_paths | st.sampled_from(["video", "thumbnail", "image"]),
    file=in_paths | numbers(20_000).map(quote) | st.just("0"),
    exp=texts | st.sampled_from(["9" * 5000, "1e999", "nan", "٣", "-1"]) | st.none(),
    sig=texts | st.sampled_from(["A" * 5000, "=", "é"]) | st.none(),
    encoding=st.none() | texts | st.just("png"),
)
@tries(80)
async def test_a_link_that_was_altered_opens_nothing(
    gateway: Gateway,
    client: httpx2.AsyncClient,
    variant: str,
    file: str,
    exp: str | None,
    sig: str | None,
    encoding: str | None,
) -> None:
    """Each part of a good link is replaced; only what was signed opens."""
    video = await made(gateway, client)
    signed = urlsplit(gateway.app.state.services.links.sign(video, "video", 0, gateway.clock() + 60))
    good = {name: values[0] for name, values in parse_qs(signed.query).items()}
    query = {
        "exp": good["exp"] if exp is None else exp,
        "sig": good["sig"] if sig is None else sig,
    } | ({} if encoding is None else {"format": encoding})
    written = "&".join(f"{name}={quote(text, errors='replace')}" for name, text in query.items())
    answer = await asked(client, f"/v1/files/{video}/{variant}/{file}?{written}", authorization=b"")
    is_signed = (variant, exp, sig) == ("video", None, None)
    assert is_signed or answer.status_code in (403, 404)


@given(key=header_bytes | st.sampled_from([b"k", b"k" * 255, b"k" * 256]), attempt=st.none() | header_bytes)
@example(key=b"", attempt="٣".encode())
@example(key=b"", attempt=b"\xb2")
@tries(60)
async def test_any_idempotency_key_is_kept_or_refused(
    gateway: Gateway, client: httpx2.AsyncClient, key: bytes, attempt: bytes | None
) -> None:
    """The same request by the same key is the same job, whatever the key is."""
    headers = {b"idempotency-key": key} | ({} if attempt is None else {b"x-stainless-retry-count": attempt})
    ids = set()
    for _ in range(2):
        async with asyncio.timeout(LONGEST_S):
            answer = await client.post(
                "/v1/videos",
                json={"model": "sora_video2", "prompt": "x"},
                headers=list(headers.items()),
            )
        assert answer.status_code in (200, 400), answer.text
        ids.add(answer.json().get("id"))
    decoded = key.decode("latin-1").strip()
    assert (len(ids) == 1) or not decoded


lists = st.sampled_from(["/v1/videos", "/v1/files", "/v1/characters", "/v1/webhook_endpoints", "/v1/models"])


@given(
    path=lists | st.just("/v1beta/models"),
    query=st.lists(
        st.tuples(
            st.sampled_from(["after", "limit", "order", "purpose", "pageSize", "pageToken", "before_id"]),
            texts | numbers(200) | st.sampled_from(["asc", "desc", "9" * 5000]),
        ),
        max_size=3,
    ),
)
@tries(80)
async def test_any_cursor_is_followed_or_refused(
    client: httpx2.AsyncClient, path: str, query: list[tuple[str, str]]
) -> None:
    """A page, or a no that names what was wrong."""
    written = "&".join(f"{name}={quote(text, errors='replace')}" for name, text in query)
    answer = await asked(client, f"{path}?{written}")
    assert answer.status_code in (200, 400, 404)


pieces = st.sampled_from(
    [
        "/v1/videos/{}",
        "/v1/videos/{}/content?variant={}",
        "/v1/videos/{}/events",
        "/v1/characters/{}",
        "/v1/videos/characters/{}",
        "/v1/files/{}",
        "/v1/files/{}/content",
        "/v1/responses/{}",
        "/v1/webhook_endpoints/{}",
        "/v1/models/{}",
        "/v1beta/models/{}",
        "/v1beta/models/sora_video2/operations/{}",
        "/v1beta/operations/{}",
        "/v1beta/files/{}",
        "/v1/usage?start_time={}&end_time={}",
        "/v1/usage?days={}&start_date={}",
    ]
)


@given(path=pieces, first=in_paths, second=in_paths)
@tries(100)
async def test_any_name_in_a_path_is_found_or_not(
    client: httpx2.AsyncClient, path: str, first: str, second: str
) -> None:
    """What is not there is not there, whatever it is called."""
    answer = await asked(client, path.format(first or "x", second))
    assert answer.status_code < 500


@given(
    key=header_bytes,
    kind=st.sampled_from(["authorization", "x_api_key", "x_goog_api_key"]),
    prefer=header_bytes | st.sampled_from([b"wait=" + b"9" * 400, b"wait=1;x,wait=2"]),
    stated=header_bytes | st.sampled_from([b"nan", b"inf", b"-inf", b"1e999"]),
)
@tries(60)
async def test_any_key_and_any_patience(
    client: httpx2.AsyncClient, key: bytes, kind: str, prefer: bytes, stated: bytes
) -> None:
    """A key that is none is refused; how long somebody would wait cannot break the answer."""
    headers = {kind: b"Bearer " + key if kind == "authorization" else key, "prefer": prefer}
    answer = await asked(client, "/v1/videos", x_stainless_read_timeout=stated, **headers)
    assert answer.status_code in (200, 400, 401)
