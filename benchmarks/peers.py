"""Start who is measured beside the gateway: a plain application, nginx as the limit, LiteLLM as the relay.

All give the same answers as the gateway: its status, its picture, its files. LiteLLM gets them, as it gets
all its answers, from a backend: a stub that answers at once.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import psutil
from tests.functional.harness import answers, free_port

from benchmarks import plain, stub
from benchmarks.machine import ROOT
from benchmarks.meters import MIB
from benchmarks.programs import Program, run
from benchmarks.site import LITELLM, MADE_BEFORE, NGINX, PLAIN, Server, Site

CHAT = {
    "model": "prompt-enhance-short-10s",
    "stream": True,
    "messages": [{"role": "user", "content": "a paper boat drifting down a gutter stream"}],
}
"""The chat that is answered with text, so that a relay and the gateway do the same."""

LITELLM_HOME = ROOT / "benchmarks" / ".venv"
"""LiteLLM pins older releases of what the gateway uses, so it has an environment of its own."""

_LITELLM_KEY = "sk-benchmark"
_NO_NGINX = "nginx is not installed here, so the practical limit is missing (Debian: apt-get install nginx)"
_START_S = 120.0
_NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nodelay on; keepalive_requests 1000000000;
  client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
  uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
  server {{
    listen 127.0.0.1:{port};
    location ~ {large}/content$ {{ root {folder}; try_files /{large_name} =404; }}
    location ~ /content$ {{ root {folder}; try_files /{video_name} =404; }}
    location / {{ default_type application/json; return 200 '{answer}'; }}
  }}
}}
"""


def start_peers(
    site: Site, stack: contextlib.ExitStack, wanted: Collection[str], nginx: str | None = None
) -> None:
    """Start the ``wanted`` ones; of one that cannot be started, the site's notes say so."""
    kit = _prepare(site)
    if PLAIN in wanted:
        _start_plain(site, stack, kit)
    if NGINX in wanted:
        binary = nginx or shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
        if binary is None:
            site.notes.append(_NO_NGINX)
            sys.stderr.write(f"{_NO_NGINX}\n")
        else:
            _start_nginx(site, stack, kit, binary)
    if LITELLM in wanted:
        _start_litellm(site, stack, kit)


def litellm_version() -> str:
    """Return the release that the project's own clients are tested with."""
    tasks = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["taskipy"]["tasks"]
    return str(tasks["clients"]).partition("litellm==")[2].split()[0]


def litellm_id(video_id: str) -> str:
    """Return the id by which LiteLLM knows whose video it is: its router's entry ``videos``."""
    text = f"litellm:custom_llm_provider:openai;model_id:videos;video_id:{video_id}"
    return "video_" + base64.b64encode(text.encode()).decode()


def litellm_config(stub_port: int) -> dict[str, Any]:
    """Return LiteLLM's settings: our models, all behind the stub."""

    def model(name: str, theirs: str) -> dict[str, Any]:
        params = {"model": theirs, "api_base": f"http://127.0.0.1:{stub_port}/v1", "api_key": "stub"}
        return {"model_name": name, "litellm_params": params}

    return {
        "model_list": [
            model("sora_video2", "openai/sora-2") | {"model_info": {"id": "videos"}},
            model("sora_image", "openai/gpt-image-1"),
            model(str(CHAT["model"]), "openai/gpt-4o"),
            model(stub.EVENTS_MODEL, f"openai/{stub.EVENTS_MODEL}"),
        ],
        "general_settings": {"master_key": _LITELLM_KEY},
        "litellm_settings": {"telemetry": False, "num_retries": 0},
    }


def _prepare(site: Site) -> Path:
    """Put the gateway's own answers into a folder and return it."""
    kit = site.folder / "peers"
    kit.mkdir()
    with site.client() as client:
        status = client.get(f"/videos/{site.video_id}").raise_for_status().text
        (kit / stub.STATUS).write_text(status)
        (kit / stub.CHAT).write_bytes(client.post("/chat/completions", json=CHAT).raise_for_status().content)
        headers = {"Idempotency-Key": MADE_BEFORE}
        made = client.post("/images/generations", json=site.picture, headers=headers).raise_for_status()
        (kit / stub.IMAGE).write_bytes(made.content)
        for name, job_id in ((stub.VIDEO, site.video_id), (stub.LARGE, site.large_id)):
            with client.stream("GET", f"/videos/{job_id}/content") as answer, (kit / name).open("wb") as file:
                file.writelines(answer.raise_for_status().iter_bytes())
    image = base64.b64decode(made.json()["data"][0]["b64_json"])
    (kit / "image.png").write_bytes(image)
    sizes = {name: (kit / name).stat().st_size / 1e6 for name in (stub.VIDEO, stub.LARGE, stub.IMAGE)}
    site.notes.append(
        f"videos {sizes[stub.VIDEO]:.1f} and {sizes[stub.LARGE]:.0f} MB, image answer "
        f"{sizes[stub.IMAGE]:.2f} MB (base64), status answer {len(status)} bytes"
    )
    return kit


def _start_plain(site: Site, stack: contextlib.ExitStack, kit: Path) -> None:
    site.store.client.hset(plain.KEYS, hashlib.sha256(site.key.encode()).hexdigest(), "benchmark")
    site.store.client.hset(plain.JOBS, site.video_id, (kit / stub.STATUS).read_text())
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.plain", "--port", str(port), "--socket", site.store.socket]
    files = ["--video", str(kit / stub.VIDEO), "--image", str(kit / "image.png")]
    more = ["--large", str(kit / stub.LARGE), "--large-id", site.large_id, "--uploads", str(kit / "uploads")]
    peer = Program(site.folder / "plain", [*command, *files, *more])
    _start(site, stack, PLAIN, peer, port, f"http://127.0.0.1:{port}/openapi.json")


def _start_nginx(site: Site, stack: contextlib.ExitStack, kit: Path, binary: str) -> None:
    port, config = free_port(), kit / "nginx.conf"
    text = _NGINX.format(
        folder=kit,
        port=port,
        large=site.large_id,
        large_name=stub.LARGE,
        video_name=stub.VIDEO,
        answer=(kit / stub.STATUS).read_text().replace("'", ""),
    )
    config.write_text(text)
    peer = Program(site.folder / "nginx", [binary, "-c", str(config), "-g", "master_process off;"])
    _start(site, stack, NGINX, peer, port, f"http://127.0.0.1:{port}/openapi.json")


def _start_litellm(site: Site, stack: contextlib.ExitStack, kit: Path) -> None:
    try:
        binary = _litellm_binary()
    except (OSError, subprocess.SubprocessError) as error:
        site.notes.append(f"LiteLLM could not be installed, so it is missing: {error}")
        return
    stub_port, port, config = free_port(), free_port(), kit / "litellm.yaml"
    config.write_text(json.dumps(litellm_config(stub_port)))  # JSON is YAML
    command = [sys.executable, "-m", "benchmarks.stub", "--port", str(stub_port), "--folder", str(kit)]
    backend = Program(site.folder / "stub", command)
    run(stack, backend, site.cores.load)
    asyncio.run(answers(f"http://127.0.0.1:{stub_port}/v1/models", backend))
    arguments = ["--config", str(config), "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    variables = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    peer = Program(site.folder / "litellm", [str(binary), *arguments], **variables)
    began_s = time.perf_counter()
    _start(site, stack, LITELLM, peer, port, f"http://127.0.0.1:{port}/health/liveliness")
    process = site.servers[LITELLM].process
    site.notes.append(
        f"LiteLLM {litellm_version()} with one worker: first answer after "
        f"{time.perf_counter() - began_s:.1f} s, then {process.memory_info().rss / MIB:.0f} MiB resident"
    )


def _litellm_binary() -> Path:
    """Return LiteLLM's proxy, installed if need be."""
    wanted = f"litellm[proxy]=={litellm_version()}"
    note = LITELLM_HOME / "installed.txt"
    if not note.exists() or note.read_text() != wanted:
        sys.stderr.write(f"installing {wanted} into {LITELLM_HOME}; this takes a minute, once\n")
        subprocess.run([sys.executable, "-m", "venv", str(LITELLM_HOME)], check=True)  # noqa: S603
        pip = [str(LITELLM_HOME / "bin" / "pip"), "install", "--quiet", wanted]
        subprocess.run(pip, check=True)  # noqa: S603
        note.write_text(wanted)
    return LITELLM_HOME / "bin" / "litellm"


def _start(
    site: Site, stack: contextlib.ExitStack, name: str, peer: Program, port: int, ready_url: str
) -> None:
    run(stack, peer, site.cores.server)
    end = time.perf_counter() + _START_S
    while True:
        try:
            asyncio.run(answers(ready_url, peer))
            break
        except AssertionError:
            if not peer.is_alive() or time.perf_counter() > end:
                raise
    key, prefix = (_LITELLM_KEY, "/v1") if name == LITELLM else (site.key, "/sora/v1")
    site.servers[name] = Server(name, port, psutil.Process(peer.pid), key, prefix)
