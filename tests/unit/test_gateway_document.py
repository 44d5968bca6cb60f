"""The description at /openapi.json says what the calls take, and the page at /docs offers it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fakes import FakeStack
from flask.testing import FlaskClient

from memoryos_app import create_app
from memoryos_app.schemas.memory import ProfileQuerySchema, RetrieveQuerySchema


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    stack = FakeStack()
    yield create_app(parts=stack.parts).test_client()
    stack.close()


@pytest.fixture
def document(client: FlaskClient) -> Any:
    return client.get("/openapi.json").json


def _names(operation: Any, place: str) -> list[str]:
    return [one["name"] for one in operation.get("parameters", []) if one["in"] == place]


@pytest.mark.parametrize(
    ("path", "schema"),
    [("/v1/memory/retrieve", RetrieveQuerySchema), ("/v1/memory/profile", ProfileQuerySchema)],
)
def test_a_read_by_url_declares_all_that_its_schema_parses(document: Any, path: str, schema: Any) -> None:
    operation = document["paths"][path]["get"]
    assert sorted(_names(operation, "query")) == sorted(schema().fields)
    # And the headers stand beside them
    assert "X-MemoryOS-User" in _names(operation, "header")


def test_the_query_of_a_retrieve_is_typed(document: Any) -> None:
    operation = document["paths"]["/v1/memory/retrieve"]["get"]
    declared = {one["name"]: one for one in operation["parameters"] if one["in"] == "query"}
    assert [name for name, one in declared.items() if one["required"]] == ["query"]
    assert declared["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 100}
    assert declared["tiers"]["schema"]["items"]["enum"] == ["short_term", "mid_term", "long_term"]
    assert declared["explain"]["schema"]["type"] == "boolean"


def test_calls_with_a_body_keep_it_beside_their_headers(document: Any) -> None:
    operation = document["paths"]["/v1/chat/completions"]["post"]
    assert "application/json" in operation["requestBody"]["content"]
    assert _names(operation, "header")[-2:] == ["Prefer", "Idempotency-Key"]
    assert _names(operation, "query") == []


def test_the_example_of_a_chat_names_its_user(document: Any) -> None:
    assert document["components"]["schemas"]["Chat"]["properties"]["user"]["example"] == "alice"


def test_the_numbers_are_listed(client: FlaskClient, document: Any) -> None:
    described = document["paths"]["/metrics"]["get"]
    assert described["tags"] == ["health"]
    assert client.get("/metrics").mimetype in described["responses"]["200"]["content"]


def test_a_cancelled_job_has_its_sign_described(document: Any) -> None:
    assert document["components"]["schemas"]["Job"]["properties"]["cancel_requested"]["type"] == "boolean"


def test_there_is_no_icon_and_no_error(client: FlaskClient) -> None:
    answer = client.get("/favicon.ico")
    assert (answer.status_code, answer.data) == (204, b"")


def test_the_page_sends_queries_misses_paths_and_shows_headers(client: FlaskClient) -> None:
    page = client.get("/docs").text
    assert "query.append(parameter.name, value)" in page
    assert "is missing." in page
    assert 'name.startsWith("x-memoryos-")' in page
