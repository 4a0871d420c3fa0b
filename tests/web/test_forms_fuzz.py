"""Whatever comes as a form is read or refused with a reason; it never breaks or blocks the gateway."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

import httpx2
from hypothesis import example, given
from hypothesis import strategies as st

from tests.fakes import PNG
from tests.fuzzing import AWKWARD, texts, tries, whole_texts
from tests.gateway import Gateway

EDGE = "edge-of-the-parts"
TYPE = f"multipart/form-data; boundary={EDGE}"
LONGEST_S = 10.0


def part(name: str, value: bytes, head: str = "") -> bytes:
    """Return one part of a form."""
    names = f'Content-Disposition: form-data; name="{name}"{head}'.encode()
    return b"--%s\r\n%s\r\n\r\n%s\r\n" % (EDGE.encode(), names, value)


END = f"--{EDGE}--\r\n".encode()
REAL = (
    part("model", b"sora_video2")
    + part("prompt", "a paper boat 😀".encode())
    + part("seconds", b"10")
    + part("input_reference", PNG[:60], '; filename="a.png"\r\nContent-Type: image/png')
    + END
)

awkward_bytes = st.binary(max_size=12) | st.sampled_from(
    [
        b"\r\n",
        b"\r",
        b"\n",
        b"--",
        f"--{EDGE}".encode(),
        END,
        b"\x00",
        b'"',
        b";",
        b"name=",
        b"Content-Disposition: form-data",
        b"Content-Transfer-Encoding: base64",
        b"; charset=utf-7",
        b"filename*=UTF-8''%ff",
        b"\xff\xfe",
    ]
)


@st.composite
def mutated_forms(draw: st.DrawFn) -> bytes:
    """Return a real form with bytes cut, doubled or put in."""
    body = REAL
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        end = min(len(body), start + draw(st.integers(0, 60)))
        match draw(st.sampled_from(["cut", "double", "insert", "end"])):
            case "cut":
                body = body[:start] + body[end:]
            case "double":
                body = body[:end] + body[start:]
            case "insert":
                body = body[:start] + draw(awkward_bytes) + body[start:]
            case _:
                body = body[:start]
    return body


types = st.sampled_from(
    [
        TYPE,
        f'multipart/form-data; boundary="{EDGE}"',
        f"multipart/form-data; boundary={EDGE}; charset=utf-7",
        f"multipart/form-data; boundary={EDGE}; charset=no-such-charset",
        f"multipart/form-data; charset=; boundary={EDGE}",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=é",
        f"multipart/form-data; boundary={'b' * 5000}",
        f"multipart/mixed; boundary={EDGE}",
        f"MULTIPART/FORM-DATA; BOUNDARY={EDGE}",
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; charset=utf-16",
        "application/json; charset=utf-16",
    ]
)


async def answer(client: httpx2.AsyncClient, body: bytes, media_type: str | bytes) -> None:
    """Send a form; the answer is a job, or an error in the dialect's shape with words that help."""
    async with asyncio.timeout(LONGEST_S):
        answer = await client.post("/v1/videos", content=body, headers={"content-type": media_type})
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        error = answer.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert error["message"]
    else:
        assert answer.json()["object"] == "video"


async def test_the_real_form_is_taken(client: httpx2.AsyncClient, gateway: Gateway) -> None:
    """Where nothing was changed, it is read whole."""
    await answer(client, REAL, TYPE)
    (asked,) = gateway.generations.submitted[0]
    assert asked.prompt == "a paper boat 😀"
    assert gateway.generations.stored == [("input_reference", PNG[:60])]


@given(body=mutated_forms(), media_type=st.just(TYPE) | types)
@example(body=REAL[:-2], media_type=TYPE)
@example(body=REAL[: -len(END)], media_type=TYPE)
@example(body=END, media_type=TYPE)
@example(body=part("prompt", b"\xff\xfe") + END, media_type=TYPE)
@example(body=part("prompt\x00", b"x") + END, media_type=TYPE)
@example(body=part("\xe9", b"x") + END, media_type=f"{TYPE}; charset=latin-1")
@example(body=b"\r\n".join([b"--" + EDGE.encode()] * 2000), media_type=TYPE)
@example(body=b"".join(part("a" * 200, b"x") for _ in range(1100)) + END, media_type=TYPE)
@example(body=b"".join(part(f"a{'[b]' * 300}", b"x") for _ in range(3)) + END, media_type=TYPE)
@example(body=REAL, media_type="multipart/form-data; boundary=é")
@tries(120)
async def test_a_broken_form_is_refused_or_read(
    client: httpx2.AsyncClient, body: bytes, media_type: str
) -> None:
    """Cut anywhere, doubled, with parts in parts, under any type."""
    await answer(client, body, media_type.encode("latin-1"))


names = st.sampled_from(
    ["prompt", "model", "seconds", "size", "input_reference", "input_reference[]", "metadata[a]", "n", "seed"]
)


@given(
    fields=st.lists(
        st.tuples(names | whole_texts, whole_texts | st.sampled_from(["sora_video2", "10"])), max_size=6
    ),
    query=st.lists(st.tuples(names | texts.filter(str.isascii), st.sampled_from(AWKWARD)), max_size=2),
    is_multipart=st.booleans(),
)
@tries(80)
async def test_any_fields_are_refused_or_read(
    client: httpx2.AsyncClient,
    fields: list[tuple[str, str]],
    query: list[tuple[str, str]],
    is_multipart: bool,
) -> None:
    """Whatever they are called, hold, and however often they come."""
    fields = [("model", "sora_video2"), ("prompt", "x"), *fields]
    params = urlencode(query, errors="surrogatepass")
    url = httpx2.URL("/v1/videos", query=params.encode())
    if is_multipart:
        body = b"".join(part(name, value.encode()) for name, value in fields) + END
        media_type = TYPE
    else:
        body, media_type = urlencode(fields).encode(), "application/x-www-form-urlencoded"
    async with asyncio.timeout(LONGEST_S):
        answer = await client.post(url, content=body, headers={"content-type": media_type})
    assert answer.status_code < 500, answer.text


@given(body=st.binary(max_size=60) | st.lists(awkward_bytes, max_size=8).map(b"".join), media_type=types)
@tries(60)
async def test_any_bytes_are_refused_or_read(
    client: httpx2.AsyncClient, body: bytes, media_type: str
) -> None:
    """Bytes that were no form at all."""
    await answer(client, body, media_type.encode("latin-1"))
