"""Forms that cannot be used are refused as the protocol's envelope says."""

from __future__ import annotations

import pytest

from tests.simulator.conftest import Running, error_of, scenario_of


@pytest.mark.parametrize("path", ["/backend/uploads", "/backend/characters/upload"])
async def test_odd_forms(running: Running, path: str) -> None:
    """No form, a broken one, one without the file, a file that is too large."""
    async with running(scenario_of(limits={"max_upload_bytes": 500})) as sim:
        bad = (400, "invalid_request")
        assert error_of(await sim.post(path, {})) == bad
        broken = sim.headers() | {"content-type": "multipart/form-data"}
        assert error_of(await sim.http.post(path, headers=broken, content=b"x")) == bad
        other = {"other": ("a", b"x", "text/plain")}
        assert error_of(await sim.http.post(path, headers=sim.headers(), files=other)) == bad
        assert error_of(await sim.send_file(path, "a", b"x" * 501)) == bad
