"""Where trust comes from: a server that hangs, drips or never ends is left in time; a stick is read, and nothing but the stick."""

import gzip
import os
import socket
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event
from time import monotonic

import pytest
from offers import Body, Offer, offer, server, terms
from plant import NOW
from tuf.api.exceptions import DownloadError, DownloadHTTPError

from gate.controller import sources, updates
from gate.controller.sources import Limits
from gate.errors import FleetError, TrustError

Request = BaseHTTPRequestHandler
BOMB = gzip.compress(bytes(1 << 26))
LIMITS = Limits(seconds=0.5, silence=5)


@pytest.fixture
def held(tmp_path: Path) -> Offer:
    one = offer(tmp_path)
    one.take()
    one.revoke(1)
    return one


def endless(request: Request) -> None:
    _answer(request, lambda: b"x" * 65536)


def dripping(request: Request) -> None:
    """A byte now and then: no silence is ever long enough to be one."""
    _answer(request, _drop)


def dripping_head(request: Request) -> None:
    while True:
        request.wfile.write(_drop())


def silent(request: Request) -> None:
    request.rfile.read()  # until the client leaves


def _drop() -> bytes:
    Event().wait(0.02)
    return b"x"


def _answer(request: Request, more: Callable[[], bytes]) -> None:
    request.send_response(200)
    request.end_headers()
    while True:
        request.wfile.write(more())


def bomb(request: Request) -> None:
    """64 MiB of nothing in 64 KiB."""
    request.send_response(200)
    request.send_header("Content-Encoding", "gzip")
    request.end_headers()
    request.wfile.write(BOMB)


def broken(request: Request) -> None:
    request.send_error(500)


def cut_off(request: Request) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(b"{")


NEVER_ENDING = [
    ("timestamp.json", endless, r"timestamp\.json: it does not end where it must \(endless data\)"),
    (".trust-list.json", endless, r"trust-list\.json: it does not end where it must \(endless data\)"),
    ("timestamp.json", dripping, r"timestamp\.json: it does not come to an end in the time"),
    ("timestamp.json", dripping_head, r"timestamp\.json: it does not come to an end in the time"),
    (".status-uto-mo.cwt", dripping, r"status-uto-mo\.cwt: it does not come to an end in the time"),
    ("timestamp.json", bomb, r"timestamp\.json: it does not end where it must \(endless data\)"),
    ("2.root.json", silent, r"root\.json: it does not come to an end in the time"),
]


@pytest.mark.parametrize(("name", "body", "said"), NEVER_ENDING)
def test_what_never_ends_is_left_in_time(held: Offer, name: str, body: Body, said: str) -> None:
    began = monotonic()
    with server(held.repository.folder, {name: body}) as url, pytest.raises(TrustError, match=said):
        updates.update(held.trust, sources.http(url, LIMITS), terms(NOW), limits=LIMITS)
    assert monotonic() - began < 4 * LIMITS.seconds


UNREACHABLE = [
    ("timestamp.json", broken, r"timestamp\.json could not be fetched: .*500"),
    ("timestamp.json", cut_off, r"timestamp\.json could not be fetched: .*IncompleteRead"),
    ("timestamp.json", silent, r"timestamp\.json could not be fetched: read timed out"),
    ("2.root.json", broken, r"root\.json could not be fetched: .*500"),
]


@pytest.mark.parametrize(("name", "body", "said"), UNREACHABLE)
def test_a_server_that_does_not_serve_is_named(held: Offer, name: str, body: Body, said: str) -> None:
    limits = Limits(seconds=20, silence=1)
    with server(held.repository.folder, {name: body}) as url, pytest.raises(FleetError, match=f"{url}: {said}"):
        updates.update(held.trust, sources.http(url, limits), terms(NOW), limits=limits)


def test_nobody_listens(held: Offer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(
        FleetError, match=r"root\.json could not be fetched: failed to establish a new connection: .*refused"
    ):
        updates.update(held.trust, sources.http(f"http://127.0.0.1:{port}"), terms(NOW))


def test_all_files_together_are_bounded(held: Offer) -> None:
    limits = Limits(size=3000)
    with pytest.raises(TrustError, match="endless data"):
        held.take(limits=limits)


# A stick.


def fetch(folder: Path, url: str) -> bytes:
    return b"".join(sources.stick(folder).fetcher.fetch(url))


def test_a_file_of_a_stick(tmp_path: Path) -> None:
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata" / "1.json").write_bytes(b"x" * 200_000)
    assert fetch(tmp_path, "./metadata/1.json") == b"x" * 200_000


def test_a_file_that_is_not_there_is_as_one_on_a_server(tmp_path: Path) -> None:
    for url in ("./metadata/1.json", "./x"):
        with pytest.raises(DownloadHTTPError) as caught:
            fetch(tmp_path, url)
        assert caught.value.status_code == 404


def spoil_link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def spoil_inner_link(path: Path) -> None:
    (path.parent / "there").write_bytes(b"x")
    path.symlink_to("there")


def spoil_folder(path: Path) -> None:
    path.mkdir()


def spoil_zero(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("spoil", [spoil_link, spoil_inner_link, spoil_folder, spoil_zero, os.mkfifo])
def test_only_plain_files_are_read(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    (tmp_path / "metadata").mkdir()
    spoil(tmp_path / "metadata" / "timestamp.json")
    with pytest.raises(DownloadError):
        fetch(tmp_path, "./metadata/timestamp.json")


def test_a_folder_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "timestamp.json").write_bytes(b"x")
    (tmp_path / "stick").mkdir()
    (tmp_path / "stick" / "metadata").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DownloadError):
        fetch(tmp_path / "stick", "./metadata/timestamp.json")


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata" / "timestamp.json").write_bytes(b"x")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        fetch(tmp_path, "./metadata/timestamp.json")
        with pytest.raises(DownloadError):
            fetch(tmp_path, "./nowhere/timestamp.json")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
