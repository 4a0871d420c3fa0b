"""A wire between client and server that can be cut after the server has done the work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Wire:
    """Passes bytes on; ``cuts`` counts down with every script whose answer is thrown away."""

    server: Path
    cuts: int = 0
    meanwhile: Callable[[], Awaitable[object]] | None = None
    """Done after the server's answer and before the client learns that its connection is gone."""
    scripts: int = field(default=0)
    round_trips: int = field(default=0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection: requests and answers in turn, as a client without pipelining sends them."""
        to_reader, to_writer = await asyncio.open_unix_connection(str(self.server))
        try:
            while request := await reader.read(1 << 20):
                self.round_trips += 1
                is_script = b"EVAL" in request
                self.scripts += is_script
                to_writer.write(request)
                await to_writer.drain()
                answer = await to_reader.read(1 << 20)
                if is_script and self.cuts > 0:
                    self.cuts -= 1
                    if self.meanwhile is not None:
                        await self.meanwhile()
                    return
                writer.write(answer)
                await writer.drain()
        finally:
            for end in (to_writer, writer):
                end.close()


@asynccontextmanager
async def wire(server: Path, folder: Path) -> AsyncIterator[tuple[Wire, str]]:
    """Yield a wire to ``server`` and the URL of its other end."""
    made = Wire(server)
    path = folder / "w"
    listener = await asyncio.start_unix_server(made.serve, str(path))
    async with listener:
        yield made, f"unix://{path}"
