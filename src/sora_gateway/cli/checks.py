"""Judge the parts of an installation: what is as it should be, what is not, and what to do about it."""

from __future__ import annotations

import importlib
import os
import shutil
import stat
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from email.utils import parsedate_to_datetime
from pathlib import Path

from sora_gateway.cli.findings import Finding, ok, problem, warning
from sora_gateway.cli.output import plural
from sora_gateway.domain.accounts import Account, AccountState
from sora_gateway.domain.licences import Licence
from sora_gateway.settings import Settings
from sora_gateway.simulator.lettering import FONT_FILES

_OLDEST_PYTHON = (3, 11)
_LITTLE_BYTES = 2 * 2**30
_SHORTEST_SECRET = 16
_LEAST_BYTES = 200 * 2**20
_SANE_FROM_S = 1_767_225_600.0  # 2026-01-01
_SANE_UNTIL_S = 4_102_444_800.0  # 2100-01-01
_SKEW_S = 60.0


def python_version(version: tuple[int, ...] = sys.version_info[:3]) -> Finding:
    """Judge the interpreter."""
    text = ".".join(map(str, version))
    if version < _OLDEST_PYTHON:
        return problem("python", f"Python {text} is too old.", "Install Python 3.11 or newer.")
    return ok("python", f"Python {text}")


def modules(names: Sequence[tuple[str, str]] = (("av", "results"), ("PIL", "pictures"))) -> Iterator[Finding]:
    """Judge the libraries with machine code, which may be built for another machine."""
    for name, purpose in names:
        try:
            module = importlib.import_module(name)
        except ImportError as error:
            yield problem(
                name, f"It cannot be loaded, so {purpose} cannot be handled: {error}.", "Reinstall it."
            )
        else:
            yield ok(name, f"{getattr(module, '__version__', 'present')}, for {purpose}")


def fonts(files: Sequence[tuple[str, int]] = FONT_FILES) -> Finding:
    """Judge whether the simulator can write Chinese prompts into its videos."""
    if any(Path(file).is_file() for file, _ in files if "DejaVu" not in file):
        return ok("fonts", "The simulator can write prompts in any common script.")
    return warning(
        "fonts",
        "No font with Chinese characters: the simulator writes their code points instead.",
        "Install one, e.g. Debian's fonts-wqy-microhei. Real backends do not need it.",
    )


def data_folder(what: str, folder: Path) -> Finding:
    """Judge whether files can be kept there."""
    probe = folder / f".doctor-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"probe")
        probe.unlink()
    except OSError as error:
        return problem(
            what,
            f"{folder} cannot be written: {error.strerror}.",
            "Change its owner, or choose another with SORA_GATEWAY_DATA_DIR or SORA_GATEWAY_MEDIA_DIR.",
        )
    return free_space(what, folder, shutil.disk_usage(folder).free)


def free_space(what: str, folder: Path, free_bytes: int) -> Finding:
    """Judge how much may still be written."""
    text = f"{folder} has {free_bytes / 2**30:.1f} GiB free."
    if free_bytes < _LEAST_BYTES:
        return problem(what, text, "Free some space: results could not be stored.")
    if free_bytes < _LITTLE_BYTES:
        return warning(what, text, "A video takes 2 to 40 MB; watch the space or keep results for less time.")
    return ok(what, text)


def workers(number: int, cores: int) -> Finding:
    """Judge whether each process has a core of its own."""
    text = f"{number} {'process' if number == 1 else 'processes'} on {plural(cores, 'core')}."
    if number > cores:
        return warning(
            "workers", text, f"More than cores are of no use: set SORA_GATEWAY_WORKERS to {cores}."
        )
    return ok("workers", text)


def secret_key(settings: Settings) -> Finding:
    """Judge the key that protects stored credentials."""
    what = "secret key"
    if settings.secret_key is not None:
        length = len(settings.secret_key.get_secret_value())
        if length < _SHORTEST_SECRET:
            return warning(
                what,
                f"SORA_GATEWAY_SECRET_KEY has {length} characters, which can be guessed.",
                "Make a longer one (openssl rand -base64 32), put this one into SORA_GATEWAY_OLD_SECRET_KEYS "
                "and run sora-gateway rekey.",
            )
        return ok(what, "From SORA_GATEWAY_SECRET_KEY.")
    path = settings.data_dir / "secret.key"
    if settings.redis_url is not None:
        return warning(
            what,
            f"Kept in {path}, while the store is a server that others can share.",
            "With more than one node, set SORA_GATEWAY_SECRET_KEY to the same text on all.",
        )
    if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
        return warning(what, f"Others can read {path}.", f"Take their rights away: chmod 600 {path}")
    return ok(what, f"Kept in {path}; back it up with the data.")


def old_keys(records: int, keys: int) -> Finding:
    """Judge whether earlier secret keys can be forgotten."""
    what = "old secret keys"
    if records:
        return warning(
            what,
            f"{plural(records, 'record')} cannot be read with the present secret key alone.",
            "sora-gateway rekey, with the earlier key in SORA_GATEWAY_OLD_SECRET_KEYS",
        )
    if keys:
        return ok(what, "No record needs them; docs/security.md says when they may be taken away.")
    return ok(what, "None is needed.")


def licences(found: Sequence[Licence], now_s: float) -> Finding:
    """Judge whether anybody can call."""
    live = sum(licence.is_live(now_s) for licence in found)
    if live:
        return ok("licences", f"{plural(live, 'key')} can be used, {len(found) - live} ended.")
    return warning("licences", "Nobody can call: there is no key.", "sora-gateway licence create NAME --all")


def accounts(found: Sequence[Account], now_s: float) -> Finding:
    """Judge whether there is somebody to do the work."""
    what = "accounts"
    found = [account for account in found if account.owner is None]
    if not found:
        return warning(
            what, "There is none, so nothing can be made.", "sora-gateway account add < tokens.txt"
        )
    states = Counter(AccountState.READY if account.is_usable(now_s) else account.state for account in found)
    text = ", ".join(f"{number} {state.value}" for state, number in states.most_common())
    if not states[AccountState.READY]:
        return problem(what, f"None is ready: {text}.", "sora-gateway account list says why.")
    if states[AccountState.AUTH_FAILED]:
        return warning(what, f"{text}.", "Add the failed ones again with a new token: account add")
    return ok(what, f"{text}.")


def clock(now_s: float) -> Finding:
    """Judge whether the machine knows the year."""
    if _SANE_FROM_S <= now_s <= _SANE_UNTIL_S:
        return ok("clock", "The date is plausible.")
    return problem("clock", "The machine's date is wrong.", "Set the clock, best by NTP.")


def clock_against(http_date: str | None, now_s: float) -> Finding:
    """Judge the machine's clock by the ``Date`` of an answer."""
    try:
        skew_s = now_s - parsedate_to_datetime(http_date or "").timestamp()
    except ValueError:
        return clock(now_s)
    if abs(skew_s) <= _SKEW_S:
        return ok("clock", "It agrees with the backend's.")
    where = "ahead of" if skew_s > 0 else "behind"
    return warning(
        "clock",
        f"It is {abs(skew_s):.0f} s {where} the backend's: keys, links and credentials end at wrong times.",
        "Set the clock, best by NTP.",
    )
