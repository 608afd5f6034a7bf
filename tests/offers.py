"""An authority that offers trust, a lane's trust folder that takes it, and servers that are honest or not. Everything is signed for real."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from math import inf
from pathlib import Path
from shutil import copytree
from threading import Thread

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from plant import NOW, SEED

from gate.controller import sources, updates
from gate.controller.sources import Limits
from gate.controller.updates import Change, Terms
from gate.specimen.authority import Authority
from gate.specimen.cases import CONTROL_POINT, VALID_UNTIL, Specimen
from gate.specimen.repository import ROLES, Repository

MO = "urn:uto:uto-mo"
HK = "urn:uto:uto-hk"


def key(name: str) -> Ed25519PrivateKey:
    """The same name, the same key."""
    return Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"."))


ROLE_KEYS = {role: key(role) for role in ROLES}


def terms(now: float, latest: float = inf) -> Terms:
    """What the specimen lane judges an offer by."""
    return Terms(now, CONTROL_POINT, latest)


@dataclass(frozen=True, slots=True)
class Offer:
    """A published repository, and a lane that takes from it."""

    repository: Repository
    trust: Path
    specimen: Specimen

    def authority(self) -> Authority:
        kit = self.specimen.kit
        return Authority(self.repository, (kit.macau.key, kit.hong_kong.key))

    def revoke(self, index: int, now: int = NOW, expires: int = VALID_UNTIL) -> None:
        """Publish one revocation more."""
        authority = self.authority()
        authority.mark(MO, index, 1, now)
        authority.publish(now, expires)

    def take(self, now: float = NOW, folder: Path | None = None, limits: Limits = sources.DEFAULT) -> Change:
        """What `gate trust import` does."""
        return updates.update(self.trust, sources.stick(folder or self.repository.folder), terms(now), limits=limits)

    def copy(self) -> Path:
        """What is offered now, kept by somebody for later."""
        folder = self.repository.folder
        return copytree(folder, folder.with_name(f"copy-{len(list(folder.parent.iterdir()))}"))


def offer(folder: Path, seed: bytes = SEED, expires: int = VALID_UNTIL) -> Offer:
    """A first trust list, published and not yet taken."""
    specimen = Specimen.from_seed(seed)
    repository = Repository.new(folder / "repository", ROLE_KEYS, expires)
    repository.publish(specimen.trust(NOW), expires)
    (folder / "trust").mkdir()
    (folder / "trust" / updates.ANCHOR).write_bytes(repository.root)
    return Offer(repository, folder / "trust", specimen)


Body = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def server(folder: Path, dishonest: dict[str, Body] | None = None) -> Iterator[str]:
    """A folder behind HTTP on loopback; a file whose name ends in a key of `dishonest` is answered by its body."""

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(folder))  # type: ignore[arg-type]  # as socketserver calls it

        def do_GET(self) -> None:
            for name, body in (dishonest or {}).items():
                if self.path.endswith(name):
                    body(self)
                    return
            super().do_GET()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name in the standard library
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that leaves early is what the tests are about."""

    with Server(("127.0.0.1", 0), Handler) as serving:
        thread = Thread(target=serving.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{serving.server_port}"
        finally:
            serving.shutdown()
            thread.join()
