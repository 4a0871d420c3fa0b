"""Be one of several workers: ``python -m sora_gateway.cli.worker DESCRIPTOR``, started by ``cli.crew`` alone.

It reads its orders from standard input, and ends when that is closed: so it never outlives its parent.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path

import structlog

from sora_gateway.cli import imported
from sora_gateway.cli.ending import end_for_sure
from sora_gateway.cli.listening import inherited
from sora_gateway.cli.orders import GO, Report, packed_report, unpacked
from sora_gateway.cli.plain import told
from sora_gateway.telemetry import logs, metrics

_IN, _OUT = 0, 1
_LONGEST_STOP_S = 4.8


def main() -> None:
    """Serve on the socket of this descriptor until told to stop, or until the parent is gone."""
    serving, app = imported("sora_gateway.cli.serving"), imported("sora_gateway.app")  # while the store opens
    orders = unpacked(_line())
    logs.configure(orders.settings.log_format, orders.settings.log_level)
    structlog.contextvars.bind_contextvars(worker=orders.number)
    metrics.share(orders.metrics_dir, counts_ends=orders.number == 1)
    with inherited(int(sys.argv[1]), orders.settings.host) as listener:
        if _line() != GO:
            return
        threading.Thread(target=_follow, args=(orders.metrics_dir,), daemon=True).start()
        make_app = partial(app.create_app, is_guest=True)
        try:
            serving.Running(orders.settings, listener, make_app=make_app).run(
                lambda running: running.serve(on_open=_nothing, on_ready=_ready)
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the parent tells it
            message, code = told(error)
            _say(Report(failure=message))
            raise SystemExit(code) from None


def _line() -> bytes:
    """Return the next line, and nothing behind it."""
    read = bytearray()
    while not read.endswith(b"\n"):
        part = os.read(_IN, 1)
        if not part:
            raise SystemExit(0)  # the parent is gone before anything began
        read += part
    return bytes(read)


def _follow(metrics_dir: Path) -> None:
    """Wait until the parent is gone, then end as by its signal, and tidy up in its place."""
    while os.read(_IN, 4096):
        pass
    end_for_sure(_LONGEST_STOP_S)
    os.kill(os.getpid(), signal.SIGTERM)
    shutil.rmtree(metrics_dir, ignore_errors=True)


def _say(report: Report) -> None:
    with suppress(OSError):  # nobody listens any more
        os.write(_OUT, packed_report(report))


async def _nothing() -> None:
    pass


async def _ready() -> None:
    _say(Report(is_ready=True))


if __name__ == "__main__":
    main()
