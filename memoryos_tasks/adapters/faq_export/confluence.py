"""FAQs as one page of Confluence: the cloud by its REST API v2, a data center by v1.

Both take the storage format; the cloud has removed v1's calls for pages, and a data center has no v2.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from memoryos_tasks.adapters.faq_export.http import accepted, given, send
from memoryos_tasks.core.errors import InvalidRequest, UpstreamError
from memoryos_tasks.core.faq_page import Page
from memoryos_tasks.core.settings_faq import Faq as Options

_PLACE = "Confluence"


class ConfluenceExport:
    """See :class:`memoryos_tasks.ports.faq_export.FaqExport`. A page of this title is given a new version."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._cloud = bool(options.confluence_user)

    def put(self, tenant: str, page: Page) -> Mapping[str, Any]:
        """Id and version of the page."""
        its = self._options
        given(confluence_base_url=its.confluence_base_url, confluence_space=its.confluence_space,
              confluence_token=its.confluence_token)
        title = its.confluence_title.replace("{tenant}", tenant)
        made = self._put_cloud(title, page) if self._cloud else self._put_data_center(title, page)
        try:
            return {"page_id": str(made["id"]), "title": title, "version": int(made["version"]["number"])}
        except (KeyError, TypeError, ValueError):
            raise UpstreamError(f"{_PLACE} did not say which page it made.") from None

    def _put_cloud(self, title: str, page: Page) -> Any:
        its = self._options
        space = _first(self._ask("GET", "/api/v2/spaces", query={"keys": its.confluence_space}))
        if space is None:
            raise InvalidRequest(f"{_PLACE} has no space {its.confluence_space!r}: see faq.confluence_space.",
                                 param="to")
        wanted = {"space-id": str(space["id"]), "title": title}
        known = _first(self._ask("GET", "/api/v2/pages", query=wanted))
        body: dict[str, Any] = {"status": "current", "title": title,
                                "body": {"representation": "storage", "value": page.storage()}}
        if known is not None:
            version = {"number": _number(known) + 1}
            return self._ask("PUT", f"/api/v2/pages/{known['id']}", {**body, "id": known["id"], "version": version})
        body["spaceId"] = space["id"]
        if its.confluence_parent:
            body["parentId"] = its.confluence_parent
        return self._ask("POST", "/api/v2/pages", body)

    def _put_data_center(self, title: str, page: Page) -> Any:
        its = self._options
        wanted = {"spaceKey": its.confluence_space, "title": title, "expand": "version"}
        known = _first(self._ask("GET", "/rest/api/content", query=wanted))
        body: dict[str, Any] = {"type": "page", "title": title, "space": {"key": its.confluence_space},
                                "body": {"storage": {"value": page.storage(), "representation": "storage"}}}
        if known is not None:
            body["version"] = {"number": _number(known) + 1}
            return self._ask("PUT", f"/rest/api/content/{known['id']}", body)
        if its.confluence_parent:
            body["ancestors"] = [{"id": its.confluence_parent}]
        return self._ask("POST", "/rest/api/content", body)

    def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, query: Mapping[str, str] | None = None
    ) -> Any:
        its = self._options
        url = f"{its.confluence_base_url.rstrip('/')}{path}{f'?{urlencode(query)}' if query else ''}"
        headers = {"Authorization": self._authorization(), "Accept": "application/json"}
        sent = b""
        if body is not None:
            headers["Content-Type"] = "application/json"
            sent = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        reply = send(_PLACE, method, url, headers, sent, timeout=its.export_timeout)
        try:
            return json.loads(accepted(_PLACE, reply, its.confluence_token).body)
        except (ValueError, RecursionError):
            raise UpstreamError(f"{_PLACE} answered with something other than JSON.") from None

    def _authorization(self) -> str:
        its = self._options
        if not self._cloud:
            return f"Bearer {its.confluence_token}"
        return "Basic " + base64.b64encode(f"{its.confluence_user}:{its.confluence_token}".encode()).decode()


def _first(found: Any) -> Mapping[str, Any] | None:
    """The first result of a list, if it has an id."""
    results = found.get("results") if isinstance(found, dict) else None
    if not isinstance(results, list):
        raise UpstreamError(f"{_PLACE} answered with something other than a list.")
    first = results[0] if results else None
    return first if isinstance(first, dict) and "id" in first else None


def _number(page: Mapping[str, Any]) -> int:
    try:
        return int(page["version"]["number"])
    except (KeyError, TypeError, ValueError):
        raise UpstreamError(f"{_PLACE} did not say which version its page has.") from None
