"""What tests share that let chance look for trouble: how long to look, and texts that make some."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

_EVERY = 100
"""The examples of a test that says nothing, under the profile of every run."""


def tries(examples: int, **more: Any) -> settings:
    """Return settings for ``examples`` examples in every run, and in proportion under another profile.

    A fixture that is shared by the examples must bear that: what one leaves must not matter to the next.
    """
    share = settings().max_examples / _EVERY
    checks = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much]
    return settings(max_examples=max(1, int(examples * share)), suppress_health_check=checks, **more)


AWKWARD = (
    "",
    " ",
    "\n",
    "\r",
    "\r\n",
    "\x00",
    "\x1b[31m",
    "\x85",
    "\u2028",
    "\u2029",
    "\ufeff",
    "\ufffe",
    "\ud800",
    "\udfff",
    "😀",
    "e\u0301",
    "data: x\n\n",
    "event: error",
    "[DONE]",
    ":",
    "id: 7",
    "../",
    "%00",
    "%",
    '"',
    "\\",
    "</script>",
    "١٢",
    "NaN",
    "-0",
    "1e999",
    "null",
)

texts = st.lists(st.sampled_from(AWKWARD) | st.text(max_size=8), max_size=4).map("".join)
"""Texts with what breaks readers: line ends of every kind, halves of characters, looks of protocols."""

whole_texts = texts.map(lambda text: text.encode("utf-8", "replace").decode())
"""The same without halves of characters, so that they can be sent."""

numbers = (
    st.integers()
    | st.floats()
    | st.sampled_from([0, -1, 1, 2**31, 2**53 + 1, 2**64, 10**400, 1e308, -1e308, 0.1])
)

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)
"""Anything that Python reads from JSON, infinite numbers and halves of characters included."""


def mutated(sample: Any, fresh: st.SearchStrategy[Any] = json_values) -> st.SearchStrategy[Any]:
    """Return a strategy of ``sample`` with up to three places of it removed, replaced or doubled."""
    return st.composite(_mutated)(sample, fresh)


def _mutated(draw: st.DrawFn, sample: Any, fresh: st.SearchStrategy[Any]) -> Any:
    for _ in range(draw(st.integers(0, 3))):
        sample = _changed(draw, sample, fresh)
    return sample


def _changed(draw: st.DrawFn, value: Any, fresh: st.SearchStrategy[Any]) -> Any:
    """Return a copy of ``value`` with one place of it changed."""
    is_inner = isinstance(value, dict | list) and value and draw(st.integers(0, 7))
    if not is_inner:
        return draw(fresh)
    copy = dict(value) if isinstance(value, dict) else list(value)
    place = draw(st.sampled_from(sorted(value, key=repr) if isinstance(value, dict) else range(len(value))))
    match draw(st.sampled_from(["deeper", "deeper", "replace", "remove", "again"])):
        case "deeper":
            copy[place] = _changed(draw, copy[place], fresh)
        case "replace":
            copy[place] = draw(fresh)
        case "remove":
            del copy[place]
        case "again" if isinstance(copy, list):
            copy.append(copy[place])
        case _:
            copy[place] = [copy[place]]
    return copy
