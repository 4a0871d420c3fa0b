"""What cannot be asked is said, in words for the caller."""

from __future__ import annotations

import pytest

from sora_gateway.domain.media import Aspect, MediaKind
from sora_gateway.domain.requests import Clip, GenerationRequest, Source
from sora_gateway.upstreams.sora_web.capabilities import lacks
from tests.upstreams.sora_web.support import blob, image, legacy, video

SOURCE = Source(job_id="video_1", account_id="sora_web:user-one", result_id="gen_1", total_s=10)


@pytest.mark.parametrize(
    ("request_", "word"),
    [
        (video(), None),
        (video(duration_s=25, pro=True), None),
        (video(inputs=(blob(),)), None),
        (video("[4.5s]a [5.5s]b", storyboard=True), None),
        (image(n=4, inputs=(blob("a"), blob("b"))), None),
        (legacy(duration_s=20), None),
        (video(duration_s=12), "12 s"),
        (video(duration_s=None), "possible are"),
        (video(hd=True, duration_s=25), "HD"),
        (video(n=2), "one video"),
        (video(aspect=Aspect.SQUARE), "square"),
        (video(inputs=(blob("a"), blob("b"))), "one reference picture"),
        (video(inputs=(blob(media_type="image/gif"),)), "image/gif"),
        (video("[6s]a [6s]b", storyboard=True), "12 s"),
        (video("[5s] [5s]b", storyboard=True), "Shot 1"),
        (image(n=5), "1 to 4"),
        (legacy(duration_s=25), "25 s"),
        (legacy(style="news"), "style"),
        (legacy(hd=True), "hd"),
        (video(remix=SOURCE), None),
        (video(remix_post="s_1", inputs=(blob(),), style="news", pro=True), None),
        (video(extend=SOURCE, duration_s=15), None),
        (video(mentions=("a", "b", "c")), None),
        (video(character=Clip(), keeps_character=Clip(), mentions=("a", "b")), None),
        (video(kind=MediaKind.CHARACTER, character=Clip(blob=blob()), duration_s=None), None),
        (video(extend=SOURCE, duration_s=5), "10, 15"),
        (video(extend=SOURCE, duration_s=25), "An extension of 25 s"),
        (video(extend=SOURCE, hd=True, pro=True), None),
        (video(extend=SOURCE, inputs=(blob(),)), "reference pictures"),
        (video(extend=SOURCE, style="news"), "style"),
        (video("[5s]a", extend=SOURCE, storyboard=True), "storyboard"),
        (video(extend=SOURCE, n=2), "one video"),
        (video(remix=SOURCE, extend=SOURCE), "not several"),
        (video(remix=SOURCE, remix_post="s_1"), "not several"),
        (video("[5s]a", remix=SOURCE, storyboard=True), "cannot be a remix"),
        (video("[5s]a", remix_post="s_1", storyboard=True), "cannot be a remix"),
        (video(mentions=("a", "b", "c", "d")), "3 characters"),
        (video(character=Clip(), mentions=("a", "b", "c")), "not 4"),
        (legacy(remix=SOURCE), "Sora 2"),
        (legacy(extend=SOURCE, duration_s=10), "Sora 2"),
        (legacy(mentions=("a",)), "characters"),
        (legacy(keeps_character=Clip()), "characters"),
        (image(remix_post="s_1"), "finished video"),
        (image(character=Clip()), "characters"),
    ],
)
def test_what_the_backend_lacks(request_: GenerationRequest, word: str | None) -> None:
    """What cannot be asked is said in a sentence; what can be asked is not."""
    sentence = lacks(request_)
    if word is None:
        assert sentence is None
    else:
        assert sentence is not None
        assert word in sentence
        assert sentence.endswith(".")
