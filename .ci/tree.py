# ruff: noqa: INP001, S108, S603 -- a CI script, run by hand: no package, a cache that says so, and our own commands
"""A Debian tree for a tier, made once and kept: under ${XDG_CACHE_HOME:-/var/tmp}/gate-ci, named by a hash of all that it is made from."""

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME", "/var/tmp"), "gate-ci")
SUITE = "trixie"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MAKE = (
    *("mmdebstrap", "--mode=root", "--variant=apt", "--aptopt=Apt::Install-Recommends false"),
    *("--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/doc/*"),
)


class Failed(Exception):  # noqa: N818 -- a check that failed is no error of ours
    """What was expected, and what came."""


def made(name: str, packages: str, finish: Callable[[Path], None], recipe: object = "") -> Path:
    """The tree with these packages, finished by `finish(tree)`; `recipe` is whatever else it depends on. Raises Failed."""
    key = sha256(repr((_MAKE, SUITE, packages, recipe)).encode()).hexdigest()[:12]
    tree = CACHE / f"{name}-{key}"
    if tree.exists():
        return tree
    for old in CACHE.glob(f"{name}-*"):  # an older recipe's, or half of one
        shutil.rmtree(old)
    part = tree.with_name(f"{tree.name}.part")
    done = run_quietly(*_MAKE, f"--include={packages}", SUITE, str(part), _mirror())
    if done.returncode:
        shutil.rmtree(part, ignore_errors=True)
        raise Failed(f"mmdebstrap: {done.stderr[-2000:]}")
    finish(part)
    part.rename(tree)
    return tree


@contextmanager
def locked() -> Iterator[None]:
    """One tier at a time: they share the cache and its mount point."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run_quietly(*command: str, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Run a command; what it says is kept."""
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)


def pip_environment(root: Path) -> dict[str, str]:
    """Give a tree the host's way to its package index; the environment to run pip in."""
    pip = [Path("/etc/pip.conf"), Path.home() / ".config/pip/pip.conf", Path.home() / ".pip/pip.conf"]
    for path in (Path("/etc/resolv.conf"), Path("/etc/hosts"), *(path for path in pip if path.exists())):
        shutil.copy(path, root / "etc" / path.name)
    shutil.copy("/etc/ssl/certs/ca-certificates.crt", root / "etc/ssl/certs")
    wanted = re.compile(r"PIP_(?!FIND_LINKS)|SSL_CERT|REQUESTS_CA|CURL_CA|https?_proxy|no_proxy", re.IGNORECASE)
    environ = {name: value for name, value in os.environ.items() if wanted.match(name)}
    return environ | {"PATH": PATH, "HOME": "/root", "PIP_ROOT_USER_ACTION": "ignore"}


def _mirror() -> str:
    sources = [*Path("/etc/apt/sources.list.d").glob("*.sources"), Path("/etc/apt/sources.list")]
    text = "".join(path.read_text() for path in sources if path.exists())
    found = re.search(r"^(?:URIs:|deb(?: \[.*?\])?) *(\S+/debian/?)\s", text, flags=re.MULTILINE)
    return found[1] if found else "http://deb.debian.org/debian"
