"""Cheap routes that are documented."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from sora_gateway.web.routes import DirectRoute, body, json_response, mount, parameters
from tests.gateway import Gateway


def test_json_keeps_characters() -> None:
    """Chinese stays readable."""
    answer = json_response({"prompt": "画小猫"}, status=201, headers={"a": "b"})
    assert answer.body == '{"prompt":"画小猫"}'.encode()
    assert (answer.status_code, answer.headers["a"]) == (201, "b")


def test_parameters_of_the_path_are_required() -> None:
    """The others are not."""
    path, query = parameters(path={"id": "the id"}, query={"limit": "how many"})
    assert (path["in"], path["required"]) == ("path", True)
    assert (query["in"], query["required"]) == ("query", False)


def test_bodies_come_in_three_types() -> None:
    """Files only in multipart."""
    content = body({"properties": {"a": {"type": "string"}}}, files=("a",))["content"]
    assert content["multipart/form-data"]["schema"]["properties"]["a"]["format"] == "binary"
    assert content["application/json"]["schema"]["properties"]["a"] == {"type": "string"}
    assert "application/x-www-form-urlencoded" in content


async def test_everything_is_documented(gateway: Gateway) -> None:
    """Path parameters, bodies and the error envelope stand in the OpenAPI description."""
    document = gateway.app.openapi()
    videos = document["paths"]["/v1/videos"]["post"]
    assert set(videos["requestBody"]["content"]) == {
        "application/json",
        "multipart/form-data",
        "application/x-www-form-urlencoded",
    }
    assert videos["responses"]["4XX"]["content"]["application/json"]["schema"]["$ref"].endswith(
        "ErrorEnvelope"
    )
    for path, operations in document["paths"].items():
        for operation in operations.values():
            named = {row["name"] for row in operation.get("parameters", ()) if row["in"] == "path"}
            wanted = {
                part[1:].partition(":")[0].rstrip("}") for part in path.split("/") if part.startswith("{")
            }
            assert named == wanted, path


async def test_mounted_routes_stand_in_order() -> None:
    """They are the application's own, so that a request looks at each at most once."""

    async def endpoint(_: Request) -> Response:
        return json_response({})

    first, second, app = APIRouter(route_class=DirectRoute), APIRouter(route_class=DirectRoute), FastAPI()
    first.add_api_route("/v1/a", endpoint)
    second.add_api_route("/v1/b", endpoint, tags=["b"])
    both = APIRouter()
    mount(both, first, second)
    mount(app, both)
    assert [route.path for route in app.router.routes[-2:]] == ["/v1/a", "/v1/b"]
    assert app.openapi()["paths"]["/v1/b"]["get"]["tags"] == ["b"]
