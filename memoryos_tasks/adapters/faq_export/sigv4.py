"""Signatures of AWS, version 4, as S3 and all that speaks its protocol want them.

From "Authenticating Requests: Using the Authorization Header" in the Amazon S3 API Reference. Written here since the
library that does it, botocore, is 80 MB of which one request needs this page.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, unquote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"


def encoded(path: str) -> str:
    """A path of an object as S3 wants it: every byte that is not unreserved percent-encoded, the slashes kept."""
    return quote(path, safe="/~")


def signed(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    access_key: str,
    secret_key: str,
    region: str,
    now: float,
) -> dict[str, str]:
    """The headers of a request to S3, signed. ``url`` has its path encoded and no query; ``now`` is in seconds."""
    when = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(body).hexdigest()
    parts = urlsplit(url)
    named = {
        **headers,
        "Host": parts.netloc,
        "x-amz-content-sha256": digest,
        "x-amz-date": when,
    }
    canonical = {name.lower(): " ".join(value.split()) for name, value in named.items()}
    names = ";".join(sorted(canonical))
    request = "\n".join([
        method,
        encoded(unquote(parts.path)) or "/",
        "",
        *(f"{name}:{canonical[name]}" for name in sorted(canonical)),
        "",
        names,
        digest,
    ])  # fmt: skip
    scope = f"{when[:8]}/{region}/s3/aws4_request"
    text = "\n".join([_ALGORITHM, when, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{secret_key}".encode()
    for part in (when[:8], region, "s3", "aws4_request"):
        key = _hmac(key, part)
    signature = _hmac(key, text).hex()
    credential = f"{access_key}/{scope}"
    named["Authorization"] = f"{_ALGORITHM} Credential={credential},SignedHeaders={names},Signature={signature}"
    return named


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
