"""Keys in either spelling."""

from __future__ import annotations

import pytest

from sora_gateway.domain.errors import GatewayError
from sora_gateway.surfaces.gemini.keys import camel, snake, snaked


@pytest.mark.parametrize(
    ("camels", "snakes"),
    [
        ("inlineData", "inline_data"),
        ("bytesBase64Encoded", "bytes_base64_encoded"),
        ("gcsUri", "gcs_uri"),
        ("prompt", "prompt"),
        ("operationName", "operation_name"),
        ("topK", "top_k"),
    ],
)
def test_spellings(camels: str, snakes: str) -> None:
    """There and back; a name in the right spelling stays."""
    assert snake(camels) == snake(snakes) == snakes
    assert camel(snakes) == camel(camels) == camels


def test_every_depth() -> None:
    """Keys, never values; null is absent."""
    given = {"aB": [{"cD": "eF", "g": None}, "hI", 1], "jK": {"lM": {}}, "n": None}
    assert snaked(given) == {"a_b": [{"c_d": "eF"}, "hI", 1], "j_k": {"l_m": {}}}


def test_both_spellings() -> None:
    """The same twice is once; a contradiction names the field."""
    assert snaked({"mimeType": "a", "mime_type": "a"}) == {"mime_type": "a"}
    assert snaked({"mimeType": None, "mime_type": "a"}) == {"mime_type": "a"}
    with pytest.raises(GatewayError, match="'a' and 'b'") as caught:
        snaked({"x": [{"mimeType": "a", "mime_type": "b"}]})
    assert caught.value.param == "mimeType"
