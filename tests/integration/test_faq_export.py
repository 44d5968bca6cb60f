"""FAQs put to S3 and to Confluence, as servers of our own see and check it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from document_server import ACCESS, REGION, SECRET, TOKEN, USER, DocumentServer, document_server
from fake_faqs import FakeFaqs

from memoryos_tasks.adapters.faq_export.places import places
from memoryos_tasks.adapters.faq_export.sigv4 import encoded, signed
from memoryos_tasks.core.errors import InvalidRequest, UpstreamError, UpstreamTimeout
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.faq_page import Page
from memoryos_tasks.core.settings_faq import Faq as Options
from memoryos_tasks.ports.faq import EXPORT_USER, Faq
from memoryos_tasks.ports.ledger import Job
from memoryos_tasks.services.faq_exporting import FaqExporting

PAGE = Page("FAQ (acme)", (("怎么重置密码？", "点击“重置” & <wait>。"),))


@pytest.fixture
def server() -> Iterator[DocumentServer]:
    with document_server() as running:
        yield running


def options(server: DocumentServer) -> Options:
    return Options(
        s3_endpoint=server.url + "/", s3_bucket="bucket-1", s3_region=REGION, s3_access_key=ACCESS,
        s3_secret_key=SECRET, confluence_base_url=server.url + "/wiki/", confluence_space="DOC",
        confluence_user=USER, confluence_token=TOKEN, export_timeout=5.0,
    )  # fmt: skip


# S3


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "signature"),
    [
        # The examples of "Authenticating Requests: Using the Authorization Header", Amazon S3 API Reference.
        ("GET", "test.txt", {"Range": "bytes=0-9"}, b"",
         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
        ("PUT", "test$file.text",
         {"Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
         b"Welcome to Amazon S3.", "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
    ],
)  # fmt: skip
def test_a_signature_is_the_one_that_amazon_publishes(
    method: str, path: str, headers: dict[str, str], body: bytes, signature: str
) -> None:
    made = signed(
        method, f"https://examplebucket.s3.amazonaws.com/{encoded(path)}", headers, body,
        access_key="AKIAIOSFODNN7EXAMPLE", secret_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", region="us-east-1",
        now=datetime(2013, 5, 24, tzinfo=UTC).timestamp(),
    )  # fmt: skip
    assert made["Authorization"].endswith(f"Signature={signature}")


@pytest.mark.parametrize("key", ["memoryos/faq-{tenant}.md", "/a b/常见 问题+~!$&'(){tenant}.md", "x"])
def test_s3_takes_the_document_and_finds_it_signed(server: DocumentServer, key: str) -> None:
    its = replace(options(server), s3_key=key)
    # When it is put twice
    for _ in range(2):
        receipt = places(its)["s3"].put("acme", PAGE)
    # Then the server, which worked the signature out for itself, holds it under the tenant's name
    assert server.faults == []
    name = key.replace("{tenant}", "acme").lstrip("/")
    assert server.objects == {f"/bucket-1/{name}": PAGE.markdown().encode()}
    assert set(server.types.values()) == {"text/markdown; charset=utf-8"}
    assert (receipt["bucket"], receipt["key"], receipt["bytes"]) == ("bucket-1", name, len(PAGE.markdown().encode()))
    assert len(receipt["etag"]) == 32


def test_a_wrong_secret_is_refused_for_good(server: DocumentServer) -> None:
    with pytest.raises(InvalidRequest, match=r"403.*SignatureDoesNotMatch"):
        places(replace(options(server), s3_secret_key="other"))["s3"].put("acme", PAGE)
    assert server.faults == ["another signature"]


# Confluence


@pytest.mark.parametrize("user", [USER, ""])
def test_confluence_gets_a_page_and_then_its_next_versions(server: DocumentServer, user: str) -> None:
    # Given the cloud, and a data center
    base = server.url + ("/wiki" if user else "")
    its = replace(options(server), confluence_user=user, confluence_base_url=base, confluence_parent="55")
    place = places(its)["confluence"]
    # When the page is put again and again
    versions = [place.put("acme", PAGE)["version"] for _ in range(3)]
    # Then it is made once, under its parent, and changed after that
    assert server.faults == []
    assert versions == [1, 2, 3]
    [page] = server.pages.values()
    assert (page["title"], page["parent"]) == ("FAQ (acme)", "55")
    assert page["value"] == "<h2>怎么重置密码？</h2><p>点击“重置” &amp; &lt;wait&gt;。</p>"


def test_a_space_that_is_not_there_is_said(server: DocumentServer) -> None:
    with pytest.raises(InvalidRequest, match=r"no space 'NOPE'.*faq\.confluence_space"):
        places(replace(options(server), confluence_space="NOPE"))["confluence"].put("acme", PAGE)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"results": 3}', b"{}", b"[" * 100_000])
def test_nonsense_of_confluence_is_an_error_of_its_own(server: DocumentServer, body: bytes) -> None:
    server.body = body
    with pytest.raises(UpstreamError):
        places(options(server))["confluence"].put("acme", PAGE)


@pytest.mark.parametrize(
    "body", [b'{"results": [{"id": 1}]}', b'{"results": [{"id": 1, "version": {"number": "x"}}]}']
)
def test_a_page_without_a_version_is_an_error_of_its_own(server: DocumentServer, body: bytes) -> None:
    server.body = body
    with pytest.raises(UpstreamError, match="version"):
        places(replace(options(server), confluence_user=""))["confluence"].put("acme", PAGE)


# Both


@pytest.mark.parametrize("to", ["s3", "confluence"])
@pytest.mark.parametrize(
    ("status", "error"),
    [(302, InvalidRequest), (400, InvalidRequest), (401, InvalidRequest), (403, InvalidRequest),
     (404, InvalidRequest), (409, UpstreamError), (429, UpstreamError), (500, UpstreamError), (503, UpstreamError)],
)  # fmt: skip
def test_a_refusal_is_told_without_a_credential(
    server: DocumentServer, to: str, status: int, error: type[Exception]
) -> None:
    # Given a server that says our secrets back
    server.fail = [status]
    with pytest.raises(error) as caught:
        places(options(server))[to].put("acme", PAGE)
    # Then the error says what it was, may be tried again or not, and shows none of them
    assert str(status) in str(caught.value)
    assert (SECRET if to == "s3" else TOKEN) not in str(caught.value)
    assert server.objects == {}


@pytest.mark.parametrize("to", ["s3", "confluence"])
@pytest.mark.parametrize("drip", [False, True])
def test_a_server_that_hangs_is_left(server: DocumentServer, to: str, drip: bool) -> None:
    server.hang, server.drip = not drip, drip
    began = time.monotonic()
    with pytest.raises(UpstreamTimeout):
        places(replace(options(server), export_timeout=0.4))[to].put("acme", PAGE)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("to", ["s3", "confluence"])
def test_a_server_that_is_not_there_is_said(to: str) -> None:
    its = Options(s3_endpoint="http://127.0.0.1:9", s3_bucket="b", s3_access_key="sekrit", s3_secret_key="sekrit",
                  confluence_base_url="http://127.0.0.1:9", confluence_space="s", confluence_token="sekrit")
    with pytest.raises(UpstreamError) as caught:
        places(its)[to].put("acme", PAGE)
    assert "sekrit" not in str(caught.value)


@pytest.mark.parametrize(
    ("to", "name"),
    [("s3", "s3_endpoint"), ("s3", "s3_bucket"), ("s3", "s3_access_key"), ("s3", "s3_secret_key"),
     ("confluence", "confluence_base_url"), ("confluence", "confluence_space"), ("confluence", "confluence_token")],
)  # fmt: skip
def test_a_missing_setting_is_named_and_nothing_sent(server: DocumentServer, to: str, name: str) -> None:
    with pytest.raises(InvalidRequest, match=f"faq.{name}"):
        places(replace(options(server), **{name: " "}))[to].put("acme", PAGE)
    assert server.faults == []


# The job


def test_the_job_exports_all_of_a_tenant_and_nothing_of_another(server: DocumentServer) -> None:
    shelf = FakeFaqs()
    for place in range(450):
        shelf.write("acme", Faq(f"faq_{place}", f"Question {place}?", f"Answer {place}."), by="admin")
    shelf.write("beta", Faq("faq_x", "Secret?", "Secret."), by="admin")
    exporting = FaqExporting(shelf, lambda: places(options(server)))
    job = Job("job_1", Owner("acme", EXPORT_USER), "faq_export", request={"tenant": "acme", "to": "markdown"})
    steps: list[tuple[int, int]] = []
    made = exporting.run(job, lambda done, total: steps.append((done, total)))
    # Then the counts go to the task, and the document to the job
    assert made.counts == {"count": 450}
    assert made.result is not None
    assert made.result["document"].count("\n## ") == 450
    assert "Secret" not in made.result["document"]
    assert steps == [(200, 450), (400, 450), (450, 450)]
    # And elsewhere the result says only where it is
    put = exporting.run(replace(job, request={"tenant": "acme", "to": "s3"}), lambda done, total: None)
    assert put.result is not None
    assert set(put.result) == {"to", "tenant", "count", "bucket", "key", "etag", "bytes"}
    with pytest.raises(InvalidRequest):
        exporting.run(replace(job, request={"tenant": "acme", "to": "ftp"}), lambda done, total: None)
