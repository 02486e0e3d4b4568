"""The documents that are made from the route table."""

from pathlib import Path

import pytest

from agent.web.docs import http_markdown
from agent.web.routes import ENDPOINTS, SOCKETS


@pytest.mark.slow
def test_the_document_is_valid(client):
    from openapi_spec_validator import validate  # heavy: a second for those who do not need it

    validate(client.get("/openapi.json").json())


def test_the_document_is_complete(client):
    document = client.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    listed = {(m.upper(), p) for p, item in document["paths"].items() for m in item}
    assert listed == {(e.method, e.path.replace(":path", "")) for e in ENDPOINTS}


def test_the_document_knows_which_routes_are_open(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert paths["/health"]["get"]["security"] == []
    assert "security" not in paths["/api/send"]["post"]
    assert "401" in paths["/api/send"]["post"]["responses"]
    assert paths["/api/graph/switch"]["post"]["requestBody"]["required"] is True
    assert paths["/api/clear"]["post"]["requestBody"]["required"] is False


def test_every_route_says_what_it_is_for():
    assert [e.path for e in ENDPOINTS if not e.summary.endswith((".", "?"))] == []
    assert len({e.name for e in ENDPOINTS}) == len(ENDPOINTS)


def test_every_route_and_socket_is_documented():
    page = http_markdown()
    for endpoint in ENDPOINTS:
        assert f"## `{endpoint.method} {endpoint.path}`" in page
    for path in SOCKETS:
        assert f"``{path}``" in page


def test_the_committed_page_is_the_generated_one():
    committed = Path(__file__).parents[2] / "docs" / "http.md"
    assert committed.read_text("utf-8") == http_markdown()
