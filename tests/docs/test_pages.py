"""The pages are whole: links resolve, routes and settings exist, tables are what the code says."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest
from starlette.routing import Route

from sora_gateway.accounts.health import EFFECTS
from sora_gateway.app import create_app
from sora_gateway.domain import parameters
from sora_gateway.domain.accounts import AccountState
from sora_gateway.domain.advance import Limits
from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.licences import Bounds, Permission
from sora_gateway.domain.model_names import (
    DEFAULT_ALIASES,
    STYLES,
    SUFFIXES,
    TRAITS,
    needed_plan,
    parse_model_name,
)
from sora_gateway.domain.prices import DEFAULT_PRICES, units_of
from sora_gateway.engine.retries import TABLE, Move, Work
from sora_gateway.settings import load, variable_names
from sora_gateway.simulator.fault_rules import Fault
from sora_gateway.simulator.routes_control import ROUTES
from sora_gateway.surfaces.anthropic.errors import TYPES
from sora_gateway.surfaces.openai.errors import TYPES_AND_CODES
from sora_gateway.surfaces.openai.videos.wire import Effective
from sora_gateway.telemetry.metrics import REGISTRY
from sora_gateway.web.errors import STATUS, headers_of
from tests.docs.pages import DOCS, PAGES, ROOT, blocks, code, codes, prose, table

CODE = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
OURS = "v1|v1beta|simulator|healthz|readyz|metrics|docs"
ROUTE = re.compile(rf"`(GET|POST|PUT|DELETE|HEAD) (/(?:{OURS})\b[^`?\s]*)`")
SETTING = re.compile(r"SORA_GATEWAY_[A-Z0-9_]*[A-Z0-9]|REDIS_URL")
SCENARIOS = ROOT / "src/sora_gateway/simulator/scenarios"

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@pytest.fixture(scope="module")
def app_routes() -> set[tuple[str, str]]:
    """Method and path of everything that is served, the simulator's control calls included."""
    routes = create_app(load()).router.routes
    served = {(method, r.path) for r in routes if isinstance(r, Route) for method in r.methods or ()}
    return served | {(route.method, route.template) for route in ROUTES}


def anchors(page: Path) -> set[str]:
    """Return what a link may name after ``#``."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


# --- every page -------------------------------------------------------------------------------------------


@each_page
def test_links_resolve(page: Path) -> None:
    """Relative links lead to files of the repository, and to headings that they have."""
    for target in LINK.findall(CODE.sub("", prose(page))):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), target


@each_page
def test_settings_exist(page: Path) -> None:
    """No page names a variable that is not read."""
    assert set(SETTING.findall(page.read_text())) <= set(variable_names())


@each_page
def test_routes_are_served(page: Path, app_routes: set[tuple[str, str]]) -> None:
    """No page names a route that is not there."""
    named = set(ROUTE.findall(prose(page)))
    assert named <= {(method, path.replace(":path}", "}")) for method, path in app_routes}


@each_page
def test_marks_are_known(page: Path) -> None:
    """A misspelled mark would silence an example."""
    for block in blocks(page):
        assert not block.words or block.is_run or block.title is not None, block.line
        assert not block.is_run or block.language in ("bash", "python", "js"), block.line


@each_page
def test_examples_hold_no_secret(page: Path) -> None:
    """Keys and tokens are shown by their beginnings only."""
    assert not re.search(r"sg-[A-Za-z0-9_-]{8}|eyJ[A-Za-z0-9_-]{8}", page.read_text())


# --- errors -----------------------------------------------------------------------------------------------


def test_errors() -> None:
    """Kind, status, code, types and the advice to clients, for every kind in order."""

    def advice(kind: ErrorKind) -> str:
        error = GatewayError(kind, "x")
        reading, creating = (
            headers_of(error, is_creating=flag).get("x-should-retry") for flag in (False, True)
        )
        if reading is not None:
            return f"`{reading}`"
        return "–" if creating is None else f"`{creating}` on POST"

    expected = [
        (
            kind.value,
            STATUS[kind],
            TYPES_AND_CODES[kind][1],
            TYPES_AND_CODES[kind][0],
            TYPES[kind],
            advice(kind),
        )
        for kind in ErrorKind
    ]
    rows = table("errors.md", "kind", "status", "code")
    assert [
        (code(kind), int(status), code(wire), code(openai), code(anthropic), retry)
        for kind, status, wire, openai, anthropic, retry in rows
    ] == expected


# --- models and parameters --------------------------------------------------------------------------------


def test_bases() -> None:
    """What each base makes, in which sizes and lengths."""
    for (base, _, sizes, seconds, pictures), (family, traits) in zip(
        table("models.md", "base", "makes"), TRAITS.items(), strict=True
    ):
        assert code(base) == family.value
        default = traits.sizes[traits.default_aspect]
        assert codes(sizes)[0] == default
        assert set(codes(sizes)) == set(traits.sizes.values())
        lengths = " ".join(map(str, traits.durations_s))
        assert seconds == (f"{lengths} ({traits.default_duration_s})" if lengths else "–")
        assert traits.max_inputs in (None, int(pictures.split()[0]))


def test_suffixes() -> None:
    """Every parameter of a name with the plan that it needs."""
    rows = table("models.md", "parameter", "means", "plan")
    assert [code(row[0]) for row in rows] == list(SUFFIXES)
    for suffix, _, plan in rows:
        model = parse_model_name(f"sora_video2-{code(suffix)}")
        assert code(plan) == needed_plan(pro=model.pro, duration_s=model.duration_s).value


def test_aliases() -> None:
    """Every alias with its target; the first nine are OpenAI's."""
    shapes = {None: "", "landscape": ", wide", "portrait": ", tall"}
    expected = [
        (f"`{name}`", f"`{alias.target}`{shapes[alias.aspect]}") for name, alias in DEFAULT_ALIASES.items()
    ]
    assert table("models.md", "name", "means") == expected
    assert [alias.is_openai for alias in DEFAULT_ALIASES.values()] == [True] * 9 + [False] * 5


def test_refused_names() -> None:
    """Names that mean nothing are refused with the code that is shown."""
    refused = 0
    for asked, shown, _ in table("models.md", "asked", "code"):
        if code(shown) not in ("model_not_found", "invalid_model") or not re.fullmatch("`[^`]+`", asked):
            continue
        with pytest.raises(GatewayError) as caught:
            parse_model_name(code(asked))
        assert TYPES_AND_CODES[caught.value.kind][1] == code(shown)
        refused += 1
    assert refused == 7


def test_parameters() -> None:
    """Every field that is read is in the table, with its default."""
    rows = {code(row[0]): row for row in table("parameters.md", "parameter", "values")}
    assert set(rows) == parameters.KNOWN
    for name, default in parameters.DEFAULTS.items():
        if name in rows:
            shown = "–" if default is None else str(default).lower()
            assert rows[name][2] == shown, name
    assert rows["n"][1] == f"1 to {parameters.MAX_N}"
    assert rows["prompt"][1] == f"1 to {parameters.MAX_PROMPT_CHARS:,} characters"
    assert rows["output_format"][1] == ", ".join(parameters.OUTPUT_FORMATS)


def test_of_column() -> None:
    """The column ``of`` agrees with what each family takes."""
    for name, _, _, models, _ in table("parameters.md", "parameter", "values"):
        for family, traits in TRAITS.items():
            if code(name) in parameters.DEFAULTS:
                is_shown = family.value in codes(models) or (models == "videos" and bool(traits.durations_s))
                assert is_shown == (code(name) in traits.fields), (name, family)


def test_styles() -> None:
    """All of them, in order."""
    section = prose(DOCS / "parameters.md").partition("## Style\n")[2].strip().partition("\n\n")[0]
    assert re.split(r",\s+", section.rstrip(".")) == list(STYLES)


def test_effective() -> None:
    """Every key of the block."""
    assert [code(key) for key, _ in table("parameters.md", "key", "is")] == list(Effective.__annotations__)


# --- keys, accounts, jobs ---------------------------------------------------------------------------------


def test_permissions() -> None:
    """Every permission that can be granted."""
    assert {code(row[0]) for row in table("permissions.md", "permission", "opens")} == set(Permission)


def test_units() -> None:
    """What a video costs by its length, as it is charged."""
    models = {"video": "sora_video2", "Pro": "sora_video2-pro", "HD": "sora_video2-hd"}
    for name, *units in table("keys.md", "", "10 s"):
        costs = units_of(parse_model_name(models[name]), DEFAULT_PRICES)
        assert isinstance(costs, dict)
        assert units == [str(costs.get(duration, "–")) for duration in ("10", "15", "25")]


def test_bounds() -> None:
    """Every bound of a licence has its option."""
    options = {code(row[0].partition(",")[0]) for row in table("keys.md", "option", "holds the key to")}
    names = {f"--{field.name.replace('_', '-')}" for field in fields(Bounds)}
    assert options == names | {"--model", "--group", "--expires"}


def test_account_states() -> None:
    """Every state, and what leads to it."""
    assert [code(row[0]) for row in table("accounts.md", "state", "means")] == [*AccountState]
    rows = table("accounts.md", "error kind", "state")
    assert {(code(kind), code(state), why) for kind, state, why, _ in rows} == {
        (kind.value, effect.state.value, effect.reason) for kind, effect in EFFECTS.items()
    }


def test_limits() -> None:
    """How long a job may stay in each phase."""
    limits, units = Limits(), {"h": 3600, "min": 60}
    shown = [row[2].split() for row in table("jobs.md", "phase", "status")]
    assert [int(number) * units[unit] for number, unit in shown] == [
        limits.queue_s,
        limits.prepare_s,
        limits.settle_s,
        limits.video_s,
        limits.image_s,
        limits.collect_s,
    ]


# --- operating and the simulator --------------------------------------------------------------------------


def test_metrics() -> None:
    """Every metric with its type."""
    rows = table("operate.md", "metric", "type")
    expected = {
        (f"{found.name}_total" if found.type == "counter" else found.name, found.type)
        for found in REGISTRY.collect()
    }
    assert {(code(name), kind) for name, kind, *_ in rows} == expected


def scenario(name: str) -> dict[str, Any]:
    """Return a packaged scenario."""
    loaded: dict[str, Any] = json.loads((SCENARIOS / f"{name}.json").read_text())
    return loaded


def test_scenarios() -> None:
    """Every packaged one, with how long its tasks take."""
    rows = table("simulator.md", "name", "a video of 10 s takes")
    assert {code(row[0]) for row in rows} == {path.stem for path in SCENARIOS.glob("*.json")}
    for name, *shown in rows:
        for kind, text in zip(("video", "image"), shown, strict=True):
            took_s = sum(phase["seconds"] for phase in scenario(code(name))["timing"][kind]["phases"])
            assert abs(float(text.split()[0]) - took_s) < 0.2, (name, kind)


def test_directives() -> None:
    """Every word that decides an outcome."""
    words = [code(row[0]) for row in table("simulator.md", "word", "outcome")]
    for path in SCENARIOS.glob("*.json"):
        assert sorted(words) == sorted(row["word"] for row in scenario(path.stem)["directives"])


def test_faults() -> None:
    """Every kind of fault, with its own fields."""
    classes = get_args(get_args(Fault)[0])
    kinds = {get_args(one.model_fields["kind"].annotation)[0]: one for one in classes}
    rows = table("simulator.md", "kind", "does")
    assert {code(row[0]) for row in rows} == set(kinds)
    for kind, _, own in rows:
        assert set(codes(own)) <= set(kinds[code(kind)].model_fields)


def test_control() -> None:
    """Every call of the control API."""
    shown = {code(row[0]) for row in table("simulator.md", "call", "")}
    assert shown == {f"{route.method} {route.template}" for route in ROUTES if route.template != "/"}


def test_original_is_kept() -> None:
    """The Chinese page shows the first examples of ``seed-examples.md`` byte for byte."""
    original = [block for block in blocks(DOCS / "seed-examples.md") if block.title is not None]
    shown = [block for block in blocks(DOCS / "README.zh.md") if block.title is not None]
    assert [(block.title, block.text) for block in shown] == [
        (block.title, block.text) for block in original[:8]
    ]


def test_status_is_current() -> None:
    """What is served is not called missing."""
    text = (DOCS / "status.md").read_text()
    served = {getattr(route, "path", "") for route in create_app(load()).router.routes}
    has_gemini = any(path.startswith("/v1beta") for path in served)
    assert has_gemini == (DOCS / "gemini.md").exists()
    assert ("/v1/responses" in served) != ("| OpenAI: Responses | not yet" in text)


def _next(work: Work, kind: ErrorKind) -> str:
    rule = TABLE[work][kind]
    if rule.move is Move.FAIL:
        return "fail"
    times = "" if rule.most >= 1000 else f" {rule.most} ×,"
    return f"{rule.move.value}{times} {rule.base_s:g} to {rule.cap_s:g} s"


def test_next_steps() -> None:
    """What follows a failure in each phase: a row for each kind with steps of its own, one for all others."""
    steps = {kind: tuple(_next(work, kind) for work in Work) for kind in ErrorKind}
    others = steps[ErrorKind.LOST]
    rows = table("errors.md", "error kind", "before it is sent")
    expected = [(kind.value, *of) for kind, of in steps.items() if of != others]
    assert [(code(kind), *of) for kind, *of in rows] == [*expected, ("every other", *others)]
