"""`gate specimen`: a specimen lane's keys, trust and codes."""

import importlib
import json
import time
from argparse import Namespace
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from gate.controller import store
from gate.errors import GateError
from gate.specimen import cases
from gate.specimen.cases import CASES, Specimen

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
    text = _read(arguments.dir).code(arguments.case, at)
    if arguments.png is not None:
        importlib.import_module("gate.specimen.symbol").draw(text, arguments.png)
    print(text)  # noqa: T201 - the result
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
    for name, data in specimen.trust(now).items():
        store.replace(folder / "trust" / name, data)
    store.replace(folder / "specimen.json", json.dumps(_facts(specimen), indent=2).encode() + b"\n")
    scopes = json.dumps(list(cases.SCOPES))
    text = _GATE_TOML.format(control_point=kit.point.id, lane=cases.LANE, scopes=scopes)
    store.replace(folder / "gate.toml", text.encode())


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
        "issuer_hk_kid": kit.hong_kong.kid.hex(),
        "elsewhere_kid": kit.elsewhere.kid.hex(),
    }


def _write_key(folder: Path, name: str, key: Ed25519PrivateKey | X25519PrivateKey) -> None:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    store.replace(folder / "keys" / f"{name}.pem", pem, 0o600)


def _read(folder: Path) -> Specimen:
    """The specimen world that `write` put in a folder. Raises GateError."""
    try:
        facts = json.loads((folder / "specimen.json").read_bytes())
        keys = {
            name: load_pem_private_key((folder / "keys" / f"{name}.pem").read_bytes(), None)
            for name in ("issuer", "issuer-hk", "control-point", "elsewhere")
        }
        return cases.from_keys(keys, facts)
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = error.strerror if isinstance(error, OSError) else "something else there"
        raise GateError(f"{folder}: expected what `gate specimen new` makes, got: {what}; make it anew") from None
