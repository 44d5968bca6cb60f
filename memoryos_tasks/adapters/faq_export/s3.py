"""FAQs as one Markdown object in S3, or in anything that speaks its protocol (MinIO, R2, Ceph)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from memoryos_tasks.adapters.faq_export.http import accepted, given, send
from memoryos_tasks.adapters.faq_export.sigv4 import encoded, signed
from memoryos_tasks.core.faq_page import Page
from memoryos_tasks.core.settings_faq import Faq as Options

_PLACE = "The S3 server"


class S3Export:
    """See :class:`memoryos_tasks.ports.faq_export.FaqExport`. The bucket stands in the path; every server takes it."""

    def __init__(self, options: Options, clock: Callable[[], float] = time.time) -> None:
        self._options = options
        self._clock = clock

    def put(self, tenant: str, page: Page) -> Mapping[str, Any]:
        """Bucket, key and ETag of the object."""
        its = self._options
        given(s3_endpoint=its.s3_endpoint, s3_bucket=its.s3_bucket, s3_access_key=its.s3_access_key,
              s3_secret_key=its.s3_secret_key)
        key = its.s3_key.replace("{tenant}", tenant).lstrip("/")
        url = f"{its.s3_endpoint.rstrip('/')}/{encoded(f'{its.s3_bucket}/{key}')}"
        body = page.markdown().encode("utf-8", "replace")
        headers = signed(
            "PUT", url, {"Content-Type": "text/markdown; charset=utf-8"}, body,
            access_key=its.s3_access_key, secret_key=its.s3_secret_key, region=its.s3_region, now=self._clock(),
        )  # fmt: skip
        reply = accepted(_PLACE, send(_PLACE, "PUT", url, headers, body, timeout=its.export_timeout),
                         its.s3_secret_key, its.s3_access_key)
        etag = reply.headers.get("ETag", "").strip('"')
        return {"bucket": its.s3_bucket, "key": key, "etag": etag, "bytes": len(body)}
