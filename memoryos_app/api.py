"""Typed doors to flask-smorest: routes, what they take, what they give, and the OpenAPI document."""

# The library fixes these signatures and class attributes.
# ruff: noqa: RUF012

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any, NoReturn, TypeVar, cast

from flask import Request
from flask_smorest import Api, Blueprint  # type: ignore[import-untyped]
from marshmallow import Schema, ValidationError
from webargs.flaskparser import FlaskParser
from werkzeug.routing import Rule

from memoryos_app import body
from memoryos_app.schemas.errors import ErrorSchema
from memoryos_app.schemas.faults import invalid

View = TypeVar("View", bound=Callable[..., Any])

SECURITY = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key; `mos-…`. Off on loopback by default.",
    }
}


METRICS = {
    "tags": ["health"],
    "summary": "Numbers for Prometheus",
    "responses": {
        "200": {
            "description": "The numbers of the gateway and the state of the stack.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        }
    },
}


class Parser(FlaskParser):
    """Reads bodies strictly and bounded, and answers with the path of the field that is wrong."""

    # The schemas themselves say what happens to unknown fields.
    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {}

    def load_json(self, req: Request, schema: Schema) -> Any:
        return body.read_json(req)

    def load_querystring(self, req: Request, schema: Schema) -> Any:
        return {key: values if len(values) > 1 else values[0] for key, values in req.args.lists()}

    def handle_error(self, error: ValidationError, *args: Any, **kwargs: Any) -> NoReturn:
        raise invalid(error) from None


class Area(Blueprint):  # type: ignore[misc]
    """A group of calls in the document."""

    ARGUMENTS_PARSER = Parser()


class OpenApi(Api):  # type: ignore[misc]
    """Builds ``/openapi.json`` from the areas; errors are answered elsewhere."""

    ERROR_SCHEMA = ErrorSchema

    def __init__(self, app: Any) -> None:
        super().__init__(
            app, spec_kwargs={"info": {"description": "A memory that speaks the OpenAI protocol."}}
        )
        self.spec.components.security_scheme("key", SECURITY["key"])
        self.spec.options["security"] = [{}, {"key": []}]
        # Prometheus is answered by a plain blueprint, which describes nothing by itself.
        self.spec.path(rule=Rule("/metrics"), operations={"get": deepcopy(METRICS)})

    def _register_error_handlers(self) -> None:
        """Nothing: :mod:`memoryos_app.errors` answers all of them in OpenAI's shape."""


def route(area: Area, rule: str, method: str = "GET") -> Callable[[View], View]:
    """Serve ``method`` of ``rule`` with the view."""
    return cast("Callable[[View], View]", area.route(rule, methods=[method]))


def takes(area: Area, schema: type[Schema], location: str = "json") -> Callable[[View], View]:
    """The view's first argument is the body (or query) as ``schema`` loads it."""
    # One instance for all requests: loading keeps nothing in it, and making one takes longer than loading.
    decorator = area.arguments(schema(), location=location, error_status_code=400)
    return cast("Callable[[View], View]", decorator)


def gives(
    area: Area,
    status: int,
    schema: type[Schema] | None = None,
    *,
    says: str = "",
    content_type: str | None = None,
) -> Callable[[View], View]:
    """Document an answer; the view makes it itself."""
    decorator = area.alt_response(
        status, schema=schema, description=says or None, content_type=content_type, success=status < 400
    )
    return cast("Callable[[View], View]", decorator)


def headers(area: Area, *names: str) -> Callable[[View], View]:
    """Document request headers by name; what each does stands in :data:`HEADERS`.

    They stand beside what :func:`takes` declares: as a document of their own they would replace it.
    """
    parameters = [
        {"in": "header", "name": name, "schema": {"type": "string"}, "description": HEADERS[name]}
        for name in names
    ]

    def document(view: View) -> View:
        documented = cast("Any", view)
        documented._apidoc = deepcopy(getattr(view, "_apidoc", {}))
        documented._apidoc.setdefault("arguments", {}).setdefault("parameters", []).extend(parameters)
        return view

    return document


#: What each request header does.
HEADERS = {
    "X-MemoryOS-User": "Whose memory, when the body names no user.",
    "X-MemoryOS-Session": "Which conversation; `default` when absent.",
    "X-MemoryOS-Assistant": "Which agent persona; `default` when absent.",
    "X-MemoryOS-Memory": "`off` answers this request without reading or writing memory.",
    "Prefer": "`respond-async` answers 202 with a job at once.",
    "Idempotency-Key": "The same key with the same body is answered by the same job.",
    "Last-Event-ID": "Replay the events after this one.",
}
