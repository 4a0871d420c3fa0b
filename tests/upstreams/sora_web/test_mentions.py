"""Which characters a prompt shows, and that nothing else in it changes."""

from __future__ import annotations

import pytest

from sora_gateway.upstreams.sora_web.mentions import spaced, with_mentions


@pytest.mark.parametrize(
    ("prompt", "names", "expected"),
    [
        ("a boat", (), "a boat"),
        ("a boat", ("rusty",), "@rusty a boat"),
        ("a boat", ("rusty", "pixel", "rusty"), "@rusty @pixel a boat"),
        ("@rusty runs", ("rusty",), "@rusty runs"),
        ("look, (@rusty)", ("rusty",), "look, (@rusty)"),
        ("@rusty.fox runs", ("rusty",), "@rusty @rusty.fox runs"),
        ("@rusty1 runs", ("rusty",), "@rusty @rusty1 runs"),
        ("@rusty_ runs", ("rusty",), "@rusty @rusty_ runs"),
        ("mail me@rusty now", ("rusty",), "@rusty mail me@rusty now"),
        ("@Rusty runs", ("rusty",), "@Rusty runs"),
        ("@ab.c runs", ("a.c", "ab.c"), "@a.c @ab.c runs"),
    ],
)
def test_names_that_are_missing_come_first(prompt: str, names: tuple[str, ...], expected: str) -> None:
    """Each name once; part of a longer name or of an address is no mention of it."""
    assert with_mentions(prompt, names) == expected


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("look at @rusty", "look at @rusty "),
        ("@rusty, run!", "@rusty , run!"),
        ("is it @rusty?", "is it @rusty ?"),
        ("it is @rusty.", "it is @rusty ."),
        ("@rusty... runs", "@rusty ... runs"),
        ("@rusty\u5728\u8dd1", "@rusty \u5728\u8dd1"),
        ("@rusty runs", "@rusty runs"),
        ("@rusty\nruns", "@rusty\nruns"),
        ("@rusty.fox runs, @other!", "@rusty.fox runs, @other!"),
        ("me@rusty!", "me@rusty!"),
        ("@rusty, @rusty", "@rusty , @rusty "),
    ],
)
def test_a_blank_follows_each_mention(prompt: str, expected: str) -> None:
    """Section 9.6, for the names that are asked for and no others; done twice it is the same."""
    assert spaced(prompt, ("rusty",)) == expected
    assert spaced(expected, ("rusty",)) == expected


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("@rusty, go", "@rusty , go"),
        ("(@rusty)", "(@rusty )"),
        ("@RUSTY runs", "@rusty runs"),
        ("让@rusty 跑步", "让@rusty 跑步"),
        ("@rusty's hat", "@rusty 's hat"),
        ("mail a@rusty.org", "mail a@rusty.org"),
    ],
)
def test_the_backend_reads_every_way_of_writing(prompt: str, expected: str) -> None:
    """A mention ends at a blank and is in lower case there, however people write it."""
    assert spaced(prompt, ["rusty"]) == expected
