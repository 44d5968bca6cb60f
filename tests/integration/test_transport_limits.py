"""Every wait for a vendor ends: connecting, the first token, silence, the whole call, and when nobody wants it."""

from __future__ import annotations

import datetime
import math
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from memoryos_tasks.adapters.llm import transport
from memoryos_tasks.adapters.llm.timeouts import Timeouts
from memoryos_tasks.adapters.llm.transport import Transport
from memoryos_tasks.core.errors import Cancelled, MemoryOSError, UpstreamError, UpstreamTimeout

PATIENT = Timeouts(connect=5, first_token=30, idle=30)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNK = b"7\r\nhello\r\n\r\n"

Script = Callable[[socket.socket], None]


class Vendor:
    """Takes one connection, reads the request, plays the script and then notes when the client goes."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        self.gone = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where to connect to."""
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Take nobody any more."""
        self._door.close()
        self._thread.join(10)

    def _serve(self) -> None:
        with suppress(OSError):
            client, _ = self._door.accept()
            client.settimeout(10)
            with self._tls.wrap_socket(client, server_side=True) if self._tls else client as talk:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += talk.recv(65_536)
                with suppress(ConnectionError, ssl.SSLError):
                    self._script(talk)
                    while talk.recv(65_536):
                        pass
                self.gone.set()


@pytest.fixture
def serve() -> Iterator[Callable[..., Vendor]]:
    running: list[Vendor] = []

    def begin(*pieces: bytes, tls: ssl.SSLContext | None = None) -> Vendor:
        running.append(Vendor(lambda client: [client.sendall(piece) for piece in pieces] and None, tls))
        return running[-1]

    yield begin
    for vendor in running:
        vendor.close()


def read_all(
    url: str, timeouts: Timeouts, *, deadline: float = math.inf, stream: bool = True,
    cancelled: Callable[[], bool] = lambda: False, begun: Callable[[], None] = lambda: None,
) -> bytes:
    """Post and read to the end; ``begun`` is called with each piece."""
    read = b""
    sent = Transport("vendor", url, {}, timeouts).post(
        "/chat", {}, deadline=deadline, stream=stream, cancelled=cancelled
    )
    with sent as answer:
        for piece in answer.chunks():
            answer.started()
            begun()
            read += piece
    return read


@contextmanager
def lasting(least: float, most: float) -> Iterator[None]:
    """What happens in here takes so many seconds."""
    began = time.monotonic()
    yield
    assert least <= time.monotonic() - began < most


#: What a vendor has sent when it falls silent.
PLACES = {
    "before the headers": [],
    "in the headers": [HEAD[:30]],
    "before the body": [HEAD],
    "in the length of a chunk": [HEAD, CHUNK, b"1"],
    "in a chunk": [HEAD, CHUNK, b"7\r\nhel"],
    "between chunks": [HEAD, CHUNK],
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("stream", [True, False])
def test_a_cancelled_call_hangs_up_within_a_moment(
    serve: Callable[..., Vendor], place: str, stream: bool
) -> None:
    # Given a vendor that falls silent somewhere in its answer, and a call whose client goes away then
    vendor, cancelled = serve(*PLACES[place]), threading.Event()
    threading.Timer(0.4, cancelled.set).start()
    # When the answer is read
    with lasting(0.4, 1.4), pytest.raises(Cancelled):
        read_all(vendor.url, PATIENT, stream=stream, cancelled=cancelled.is_set)
    # Then the vendor sees us go at once
    assert vendor.gone.wait(1)


def test_a_call_that_was_cancelled_before_is_not_made(serve: Callable[..., Vendor]) -> None:
    vendor = serve(HEAD)
    with pytest.raises(Cancelled):
        read_all(vendor.url, PATIENT, cancelled=lambda: True)
    assert not vendor.gone.wait(0.1)


@pytest.mark.parametrize("place", PLACES)
def test_the_deadline_ends_a_silence_anywhere(serve: Callable[..., Vendor], place: str) -> None:
    vendor = serve(*PLACES[place])
    with lasting(0.5, 1.4), pytest.raises(UpstreamTimeout, match="did not finish before the deadline"):
        read_all(vendor.url, PATIENT, deadline=time.monotonic() + 0.5)
    assert vendor.gone.wait(1)


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("before the headers", "sent no token within 0.5 s"),
        ("in the headers", "sent no token within 0.5 s"),
        ("before the body", "sent no token within 0.5 s"),
        ("between chunks", "fell silent for 0.3 s"),
        ("in a chunk", "fell silent for 0.3 s"),
        ("in the length of a chunk", "fell silent for 0.3 s"),
    ],
)
def test_a_stream_may_be_silent_for_so_long(serve: Callable[..., Vendor], place: str, says: str) -> None:
    vendor = serve(*PLACES[place])
    with lasting(0.3, 1.4), pytest.raises(UpstreamTimeout, match=says):
        read_all(vendor.url, Timeouts(connect=5, first_token=0.5, idle=0.3))


def test_bytes_that_keep_coming_reset_the_idle_limit_and_not_the_deadline() -> None:
    # Given a vendor that says something every 0.1 s without end
    def drip(client: socket.socket) -> None:
        client.sendall(HEAD)
        while True:
            client.sendall(CHUNK)
            time.sleep(0.1)

    vendor, pieces = Vendor(drip), 0

    def count() -> None:
        nonlocal pieces
        pieces += 1

    # When it is read with a short idle limit and a longer deadline
    with lasting(1, 2), pytest.raises(UpstreamTimeout, match="deadline"):
        read_all(vendor.url, Timeouts(5, 30, idle=0.5), deadline=time.monotonic() + 1, begun=count)
    # Then the deadline ended it, and what came was read as it came
    assert pieces >= 5
    vendor.close()


def test_a_vendor_that_accepts_no_connection_is_given_up() -> None:
    # Given a door whose queue is full
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen(0)
        crowd = [socket.socket() for _ in range(4)]
        for one in crowd:
            one.setblocking(False)
            one.connect_ex(door.getsockname())
        # Then connecting ends at its own limit
        with lasting(0.3, 1.5), pytest.raises(UpstreamTimeout, match=r"accepted no connection within 0\.3 s"):
            read_all(f"http://127.0.0.1:{door.getsockname()[1]}", Timeouts(connect=0.3, first_token=30, idle=30))
        for one in crowd:
            one.close()


def test_an_answer_without_end_is_cut(serve: Callable[..., Vendor], monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a bound of 1,000 bytes and a vendor that sends more
    monkeypatch.setattr(transport, "MAX_ANSWER", 1_000)
    vendor = serve(HEAD, *[b"100\r\n" + b"x" * 256 + b"\r\n"] * 10)
    # Then it is refused, and the connection is over
    with pytest.raises(UpstreamError, match="more than 1000 bytes"):
        read_all(vendor.url, PATIENT)
    assert vendor.gone.wait(1)


@pytest.mark.parametrize(
    ("pieces", "ends"),
    [((HEAD, CHUNK, b"0\r\n\r\n"), ""), ((HEAD, CHUNK), "cancel"), ((), "cancel"), ((HEAD, CHUNK), "deadline")],
)
def test_encrypted_answers_are_read_in_the_same_way(
    serve: Callable[..., Vendor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pieces: tuple[bytes, ...], ends: str
) -> None:
    # Given a vendor that speaks TLS and falls silent
    vendor = serve(*pieces, tls=_certified(tmp_path))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "cert.pem"))
    cancelled = threading.Event()
    if not ends:
        assert read_all(vendor.url, PATIENT) == b"hello\r\n"
        return
    # When its answer is cancelled, or too late
    threading.Timer(0.4, cancelled.set).start()
    wanted: type[MemoryOSError] = Cancelled if ends == "cancel" else UpstreamTimeout
    deadline = math.inf if ends == "cancel" else time.monotonic() + 0.4
    with lasting(0.3, 1.8), pytest.raises(wanted):
        read_all(vendor.url, PATIENT, deadline=deadline,
                 cancelled=cancelled.is_set if ends == "cancel" else lambda: False)
    # Then it sees us go
    assert vendor.gone.wait(1)


def _certified(folder: Path) -> ssl.SSLContext:
    """A server's context for 127.0.0.1; its certificate is cert.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    import ipaddress

    cert = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context
