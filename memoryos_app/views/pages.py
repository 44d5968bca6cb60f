"""``/docs``: a page to try the API; it needs nothing from the network but this server."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, redirect
from werkzeug.wrappers import Response as BaseResponse

area = Blueprint("pages", __name__)

_PAGE = Path(__file__).parent.parent / "static" / "docs.html"


@area.get("/docs")
def docs() -> Response:
    """The page."""
    return Response(_PAGE.read_text(encoding="utf-8"), mimetype="text/html")


@area.get("/favicon.ico")
def icon() -> Response:
    """None; browsers ask for one with every page."""
    return Response(status=204)


@area.get("/")
def front() -> BaseResponse:
    """People who type the bare address want the page."""
    return redirect("/docs")
