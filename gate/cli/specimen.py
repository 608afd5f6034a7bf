"""`gate specimen`: a specimen lane's keys, trust and codes, and the authority behind them."""

import importlib
import json
import re
import secrets
import time
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from tuf.api.exceptions import RepositoryError, StorageError

from gate.controller import sources, store, updates
from gate.controller.updates import Terms
from gate.errors import GateError
from gate.specimen import cases
from gate.specimen.authority import Authority
from gate.specimen.cases import CASES, VALID_UNTIL, Specimen
from gate.specimen.issuer import ControlPoint, Issuer
from gate.specimen.repository import ROLES, Repository

T = TypeVar("T")
Rotation = Callable[[Path, Authority, int], None]

_GATE_TOML: Final = """\
# A specimen lane: its trust opens no production gate, and a production key opens nothing here.
# Paths are relative to this file. The defaults of everything else: see README.md.

[lane]
control_point = "{control_point}"
name = "{lane}"
environment = "specimen"
scopes = {scopes}

[trust]
folder = "trust"
keys = ["keys/control-point.pem"]
# url = "http://127.0.0.1:8000" # for `gate trust update`; `gate trust import` takes the folder "repository" as it is

[journal]
folder = "journal"

[pins]
factory = "simulated" # "lgpio" on a Raspberry Pi

[camera]
kind = "v4l2" # "picamera2" for a Raspberry Pi camera
device = "/dev/video0"
"""


def new(arguments: Namespace) -> int:
    """Make a specimen world in a folder that holds none yet."""
    folder: Path = arguments.dir
    if (folder / "gate.toml").exists():
        raise GateError(f"{folder}: expected a folder without a gate.toml; name a new one")
    write(folder, Specimen.fresh(), int(time.time()))
    return 0


def show(arguments: Namespace) -> int:
    """Print one fresh code, and draw it where that is asked for."""
    if arguments.case not in CASES:
        raise GateError(f"--case {arguments.case}: expected one of {', '.join(CASES)}")
    at = int(time.time()) if arguments.at is None else arguments.at
    text = _sealing_for(_read(arguments.dir), arguments.dir, arguments.kid).code(arguments.case, at)
    if arguments.png is not None:
        importlib.import_module("gate.specimen.symbol").draw(text, arguments.png)
    print(text)  # noqa: T201 - the result
    return 0


def publish(arguments: Namespace) -> int:
    """Change what the authority says, and publish it: nothing reaches a lane before its own `gate trust import` or `update`."""
    folder: Path = arguments.dir
    now = int(time.time())
    authority = _authority(folder)
    uri = str(_read_facts(folder)["status_uri"])
    for status, indices in ((0, arguments.restore), (1, arguments.revoke), (2, arguments.suspend)):
        for index in indices:
            authority.mark(uri, index, status, now)
    for what in arguments.rotate:
        _ROTATIONS[what](folder, authority, now)
    authority.publish(now, VALID_UNTIL if arguments.expires is None else now + arguments.expires)
    print(f"trust list {authority.trust_list.serial}: {folder / 'repository'}")  # noqa: T201 - the result
    return 0


def write(folder: Path, specimen: Specimen, now: int) -> None:
    """Everything of a specimen world: gate.toml last, for with it the folder is ready."""
    kit = specimen.kit
    for name in ("keys", "trust"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    _write_key(folder, "issuer", kit.macau.key)
    _write_key(folder, "issuer-hk", kit.hong_kong.key)
    _write_key(folder, "control-point", kit.point.key)
    _write_key(folder, "elsewhere", kit.elsewhere.key)
    _publish_first(folder, specimen, now)
    _write_facts(folder, _facts(specimen))
    scopes = json.dumps(list(cases.SCOPES))
    text = _GATE_TOML.format(control_point=kit.point.id, lane=cases.LANE, scopes=scopes)
    store.replace(folder / "gate.toml", text.encode())


def _publish_first(folder: Path, specimen: Specimen, now: int) -> None:
    """The authority's repository, and the lane's first update from it."""
    roles = {role: Ed25519PrivateKey.from_private_bytes(specimen.entropy(f"role/{role}", 32)) for role in ROLES}
    for role, key in roles.items():
        _write_key(folder, role, key)
    repository = Repository.new(folder / "repository", roles, VALID_UNTIL)
    repository.publish(specimen.trust(now), VALID_UNTIL)
    store.replace(folder / "trust" / updates.ANCHOR, repository.root)
    updates.update(folder / "trust", sources.stick(repository.folder), Terms(now, specimen.kit.point.id))


def _facts(specimen: Specimen) -> dict[str, object]:
    kit = specimen.kit
    return {
        "control_point": kit.point.id,
        "lane": cases.LANE,
        "control_point_kid": kit.point.kid.hex(),
        "issuer_kid": kit.macau.kid.hex(),
        "scope": kit.macau.scopes[0],
        "status_uri": specimen.status_uri(kit.macau),
        "valid_idx": cases.VALID_INDEX,
        "revoked_idx": cases.REVOKED_INDEX,
        "suspended_idx": cases.SUSPENDED_INDEX,
        "issuer_name": kit.macau.name,
        "issuer_hk_kid": kit.hong_kong.kid.hex(),
        "elsewhere_kid": kit.elsewhere.kid.hex(),
    }


def _write_key(folder: Path, name: str, key: Ed25519PrivateKey | X25519PrivateKey) -> None:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    store.replace(folder / "keys" / f"{name}.pem", pem, 0o600)


def _write_facts(folder: Path, facts: Mapping[str, object]) -> None:
    store.replace(folder / "specimen.json", json.dumps(facts, indent=2).encode() + b"\n")


def _read_facts(folder: Path) -> dict[str, str]:
    return dict(_of_new(folder, lambda: json.loads((folder / "specimen.json").read_bytes())))


def _read(folder: Path) -> Specimen:
    """The specimen world that `write` put in a folder. Raises GateError."""
    names = ("issuer", "issuer-hk", "control-point", "elsewhere")
    facts = _read_facts(folder)
    return _of_new(folder, lambda: cases.from_keys({name: _key(folder, name) for name in names}, facts))


def _key(folder: Path, name: str) -> object:
    return load_pem_private_key((folder / "keys" / f"{name}.pem").read_bytes(), None)


def _of_new(folder: Path, read: Callable[[], T]) -> T:
    """What is read of a specimen's folder. Raises GateError where it is not what `write` made."""
    try:
        return read()
    except (OSError, ValueError, KeyError, TypeError, UnsupportedAlgorithm, RepositoryError, StorageError) as error:
        what = error.strerror if isinstance(error, OSError) else "something else there"
        raise GateError(f"{folder}: expected what `gate specimen new` makes, got: {what}; make it anew") from None


def _sealing_for(specimen: Specimen, folder: Path, kid: str | None) -> Specimen:
    """The same world, whose phones still seal for an older control-point key. Raises GateError."""
    if kid is None or kid == specimen.kit.point.kid.hex():
        return specimen
    kept = folder / "keys" / f"control-point-{kid}.pem"
    if not re.fullmatch("[0-9a-f]{8}", kid) or not kept.exists():
        raise GateError(f"--kid {kid}: expected the kid of a control-point key that `--rotate control-point` replaced")
    key = _of_new(folder, lambda: cases.sealing(_key(folder, kept.stem)))
    point = replace(specimen.kit.point, kid=bytes.fromhex(kid), key=key)
    return replace(specimen, kit=replace(specimen.kit, point=point))


# The authority's side.


def _authority(folder: Path) -> Authority:
    """The authority whose repository and keys lie in a specimen's folder. Raises GateError."""

    def read() -> Authority:
        keys = {path.stem: _key(folder, path.stem) for path in sorted((folder / "keys").glob("*.pem"))}
        signing = {name: key for name, key in keys.items() if isinstance(key, Ed25519PrivateKey)}
        return Authority(Repository(folder / "repository", {role: signing[role] for role in ROLES}), signing.values())

    return _of_new(folder, read)


def _rotate_role(role: str) -> Rotation:
    def rotate(folder: Path, authority: Authority, _now: int) -> None:
        key = Ed25519PrivateKey.generate()
        authority.repository.rotate(role, key)
        _write_key(folder, role, key)

    return rotate


def _rotate_point(folder: Path, authority: Authority, now: int) -> None:
    """A new control-point key beside the old one, whose file is named after its kid from now on; the lane holds both."""
    old = _read(folder).kit.point
    new = ControlPoint(old.id, secrets.token_bytes(len(old.kid)), X25519PrivateKey.generate())
    authority.succeed_point(old.kid, new, now)
    kept = f"control-point-{old.kid.hex()}"
    _write_key(folder, kept, old.key)
    _write_key(folder, "control-point", new.key)
    _write_facts(folder, _read_facts(folder) | {"control_point_kid": new.kid.hex()})
    toml = folder / "gate.toml"
    store.replace(toml, toml.read_bytes().replace(b"keys = [", f'keys = ["keys/{kept}.pem", '.encode(), 1))


def _rotate_issuer(folder: Path, authority: Authority, now: int) -> None:
    """A new issuer key with a name and a status list of its own; the old one's file is named after its kid from now on."""
    old = _read(folder).kit.macau
    new = Issuer(_next_name(old.name), secrets.token_bytes(len(old.kid)), Ed25519PrivateKey.generate(), old.scopes)
    uri = authority.succeed_issuer(old.kid, new, now)
    _write_key(folder, f"issuer-{old.kid.hex()}", old.key)
    _write_key(folder, "issuer", new.key)
    facts = {"issuer_kid": new.kid.hex(), "issuer_name": new.name, "status_uri": uri}
    _write_facts(folder, _read_facts(folder) | facts)


def _next_name(name: str) -> str:
    """UTO-MO -> UTO-MO-2 -> UTO-MO-3."""
    base, _, number = name.rpartition("-")
    return f"{base}-{int(number) + 1}" if number.isdecimal() else f"{name}-2"


_ROTATIONS: Final[Mapping[str, Rotation]] = {
    **{role: _rotate_role(role) for role in ROLES},
    "control-point": _rotate_point,
    "issuer": _rotate_issuer,
}
