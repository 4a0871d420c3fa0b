"""The peer: the plainest FastAPI application over Redis that does what is measured, as one writes it first.

It looks its caller's key up and reads the job from the same store, through pydantic models. It checks no
permission, keeps no queue, and runs nothing.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import redis.asyncio
import uvicorn
from fastapi import Depends, FastAPI, Form, Header, HTTPException, UploadFile
from fastapi.responses import FileResponse
from pydantic import BaseModel

KEYS, JOBS = "benchmark:keys", "benchmark:jobs"


class Wish(BaseModel):
    """What a caller asks for."""

    model: str
    prompt: str


class Video(BaseModel):
    """The same fields as the gateway's answer."""

    id: str
    object: str = "video"
    model: str
    status: str
    progress: int
    created_at: int
    completed_at: int | None = None
    expires_at: int | None = None
    prompt: str
    size: str | None = None
    seconds: str | None = None
    remixed_from_video_id: str | None = None
    error: dict[str, Any] | None = None
    queue_position: int | None = None
    eta_s: int | None = None
    effective: dict[str, Any] = {}
    variants: list[str] = []


def create_app(socket: str, videos: Callable[[str], Path], image: Path, uploads: Path) -> FastAPI:
    """Return the application; ``videos`` names the file of an id, ``uploads`` is a folder."""
    store = redis.asyncio.Redis(unix_socket_path=socket, decode_responses=True)
    app = FastAPI()

    async def caller(authorization: Annotated[str, Header()]) -> str:
        digest = hashlib.sha256(authorization.removeprefix("Bearer ").encode()).hexdigest()
        name = await store.hget(KEYS, digest)
        if name is None:
            raise HTTPException(401)
        return str(name)

    known = Depends(caller)

    @app.get("/sora/v1/videos/{video_id}", dependencies=[known])
    async def status(video_id: str) -> Video:
        text = await store.hget(JOBS, video_id)
        if text is None:
            raise HTTPException(404)
        return Video.model_validate_json(text)

    @app.post("/sora/v1/videos", dependencies=[known])
    async def create(wish: Wish) -> Video:
        made = Video(
            id=secrets.token_hex(13),
            model=wish.model,
            prompt=wish.prompt,
            status="queued",
            progress=0,
            created_at=0,
        )
        await store.hset(JOBS, made.id, made.model_dump_json())
        return made

    @app.get("/sora/v1/videos/{video_id}/content", dependencies=[known])
    async def content(video_id: str) -> FileResponse:
        return FileResponse(videos(video_id), filename=f"{video_id}.mp4")

    @app.post("/sora/v1/images/generations", dependencies=[known])
    def images(wish: Wish) -> dict[str, Any]:
        return {"created": 0, "data": [{"b64_json": base64.b64encode(image.read_bytes()).decode()}]}

    @app.post("/sora/v1/files", dependencies=[known])
    def upload(file: UploadFile, purpose: Annotated[str, Form()]) -> dict[str, Any]:
        name = secrets.token_hex(13)
        with (uploads / name).open("wb") as kept:
            shutil.copyfileobj(file.file, kept)
        return {"id": name, "object": "file", "bytes": file.size, "purpose": purpose}

    return app


def main() -> None:
    """Serve on loopback."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--socket", required=True)
    parser.add_argument("--video", type=Path, required=True)
    parser.add_argument("--large", type=Path, required=True)
    parser.add_argument("--large-id", required=True)
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--uploads", type=Path, required=True)
    given = parser.parse_args()
    given.uploads.mkdir(exist_ok=True)
    app = create_app(
        given.socket,
        lambda video_id: given.large if video_id == given.large_id else given.video,
        given.image,
        given.uploads,
    )
    uvicorn.run(app, host="127.0.0.1", port=given.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
