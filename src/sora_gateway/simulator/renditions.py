"""Know which renditions a generation has, where they are linked and how each is rendered.

Paths as in Sora web protocol, sections 5.3 and 7.3: ``/az/files/<id>/raw`` is the full file,
``/az/files/<id>/drvs/<rendition>/raw`` a derived one, ``/az/vg-assets/<id>/<name>`` belongs to v1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from sora_gateway.simulator.backend import Backend
from sora_gateway.simulator.clips import square_at
from sora_gateway.simulator.files import ServedFile, padding_for
from sora_gateway.simulator.outcomes import huge_bytes
from sora_gateway.simulator.records import Cameo, Task, Upload
from sora_gateway.simulator.render import ImageSpec, VideoSpec, render_image, render_thumbnail, render_video
from sora_gateway.simulator.scenery import Guest
from sora_gateway.simulator.state import FileOf

VIDEO_RENDITIONS = ("md", "ld", "thumbnail", "link_thumbnail")
IMAGE_NAMES: dict[str, tuple[str, Literal["png", "webp"]]] = {
    "img_0.png": ("source", "png"),
    "img_0.webp": ("source", "webp"),
    "md.webp": ("md", "webp"),
    "ld.webp": ("ld", "webp"),
    "thumb.webp": ("ld", "webp"),
}
_SHRINK = {"source": 1, "md": 2, "ld": 4}


_Picture = Callable[[], bytes]
"""Loads an input picture; called in a worker thread."""


async def open_video(backend: Backend, file: FileOf, rendition: str) -> ServedFile | None:
    """Return a rendition of a video, rendered now if it is the first time; ``None`` for no such one."""
    if rendition != "source" and rendition not in VIDEO_RENDITIONS:
        return None
    task = file.task
    key = video_key(task, file, rendition)
    first = await _first_frame(backend, task)
    look = look_of(backend, task)

    def render() -> bytes:
        spec = VideoSpec(
            prompt=task.prompt,
            seconds=task.seconds,
            width_px=_even(task.width_px // _SHRINK.get(rendition, 1)),
            height_px=_even(task.height_px // _SHRINK.get(rendition, 1)),
            label=label(task),
            first_frame=first() if first else None,
            seed=task.seed + file.index,
            watermark=file.is_marked,
            parts=task.parts,
            guests=tuple(
                Guest(name=member.username, picture=(backend.uploads_dir / member.picture_id).read_bytes())
                for member in task.cast
            ),
            captions=(f"remix of {task.remixed.target_id}",) if task.remixed else (),
            look=look,
        )
        return render_thumbnail(spec) if "thumbnail" in rendition else render_video(spec)

    path, size = await backend.renders.file(key, render)
    if "thumbnail" in rendition:
        return ServedFile(path=path, path_bytes=size, media_type="image/webp")
    wanted = huge_bytes(task.prompt, backend.scenario.rendering.huge_word) if rendition == "source" else 0
    return ServedFile(
        path=path, path_bytes=size, media_type="video/mp4", padding_bytes=padding_for(size, wanted)
    )


async def open_image(backend: Backend, file: FileOf, name: str) -> ServedFile | None:
    """Return a rendition of a generated picture; ``None`` for no such one."""
    if name not in IMAGE_NAMES:
        return None
    rendition, encoding = IMAGE_NAMES[name]
    task = file.task
    pictures = [await _picture(backend, item) for item in _items(task)]
    shrink = _SHRINK[rendition]

    def render() -> bytes:
        spec = ImageSpec(
            prompt=task.prompt,
            width_px=task.width_px // shrink,
            height_px=task.height_px // shrink,
            seed=task.seed + file.index,
            references=tuple(load() for load in pictures if load),
        )
        return render_image(spec, encoding)

    key = image_key(task, file.index, name)
    path, size = await backend.renders.file(key, render)
    return ServedFile(path=path, path_bytes=size, media_type=f"image/{encoding}")


async def open_profile(backend: Backend, cameo: Cameo) -> ServedFile | None:
    """Return the picture of a cameo: the frame in the middle of its piece."""
    source = backend.uploads_dir / cameo.id
    if cameo.generation_id is not None:
        entry, index = backend.state.generations[cameo.generation_id]
        served = await open_video(backend, FileOf(task=entry.task, index=index, is_marked=False), "md")
        if served is None:
            return None
        source = served.path
    at_s = (cameo.start_s + cameo.end_s) / 2
    path, size = await backend.renders.file(f"profile/{cameo.id}", lambda: square_at(source, at_s))
    return ServedFile(path=path, path_bytes=size, media_type="image/webp")


def open_upload(backend: Backend, upload: Upload) -> ServedFile:
    """Return an uploaded picture as it came."""
    return ServedFile(
        path=backend.uploads_dir / upload.id, path_bytes=upload.size_bytes, media_type=upload.mime_type
    )


def label(task: Task) -> str:
    """Return the small print of a rendering: model, size and length."""
    model, size = task.body.get("model") or "v1", task.body.get("size") or "small"
    return f"{model} {size} {task.seconds} s"


def look_of(backend: Backend, task: Task) -> tuple[str, int] | None:
    """Return prompt and seed whose colours a remix takes: those of the first video in the line."""
    look = None
    while task.remixed is not None:
        entry, index = backend.state.generations[task.remixed.generation_id]
        task = entry.task
        look = (task.parts[-1].prompt if task.parts else task.prompt, task.seed + index)
    return look


def video_key(task: Task, file: FileOf, rendition: str) -> str:
    """Return what makes this rendering different from every other one."""
    inputs = [sorted(item.items(), key=str) for item in _items(task)]
    return repr(
        (
            "video",
            rendition,
            task.prompt,
            label(task),
            task.width_px,
            task.height_px,
            task.seed + file.index,
            file.is_marked,
            inputs,
            task.parts,
            [(member.username, member.picture_id) for member in task.cast],
            task.remixed,
        )
    )


def image_key(task: Task, index: int, name: str) -> str:
    """Return what makes this picture different from every other one."""
    inputs = [sorted(item.items(), key=str) for item in _items(task)]
    return repr(("image", name, task.prompt, task.width_px, task.height_px, task.seed + index, inputs))


def _items(task: Task) -> list[dict[str, str]]:
    return [item for item in task.body.get("inpaint_items") or [] if isinstance(item, dict)]


async def _first_frame(backend: Backend, task: Task) -> _Picture | None:
    for item in _items(task):
        picture = await _picture(backend, item)
        if picture is not None:
            return picture
    return None


async def _picture(backend: Backend, item: dict[str, str]) -> _Picture | None:
    """Return the picture behind an inpaint item of either generation."""
    upload_id = item.get("upload_id") or item.get("upload_media_id") or item.get("file_id")
    reference = backend.state.references.get(item.get("reference_id") or "")
    if reference is not None:
        pointers = reference.body.get("asset_pointers") or [""]
        upload_id = str(pointers[0]).removeprefix("sediment://")
    upload = backend.state.uploads.get(upload_id or "")
    if upload is not None:
        return (backend.uploads_dir / upload.id).read_bytes
    generation = backend.state.generations.get(item.get("generation_id") or "")
    if generation is None:
        return None
    entry, index = generation
    file = FileOf(task=entry.task, index=index, is_marked=False)
    if entry.task.kind == "image":
        served = await open_image(backend, file, "img_0.png")
    else:
        served = await open_video(backend, file, "thumbnail")
    return served.path.read_bytes if served else None


def _even(pixels: int) -> int:
    return max(16, pixels // 2 * 2)
