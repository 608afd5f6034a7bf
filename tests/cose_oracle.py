"""What a COSE library that is not ours says that the good vectors hold, beside what their files say.

Run by .ci/cose-oracle in an environment of its own, because `cwt` wants an old cbor2. Nothing of `gate` is imported: Base45 is the package's, the
CBOR is cbor2's, Encrypt0 with HPKE and both Sign1 are `cwt`'s. It ends with an error on any disagreement, and when there was nothing to compare.
"""

import json
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import base45
import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cwt import COSE, COSEKey
from cwt.cose_key_interface import COSEKeyInterface

FOLDER: Final = Path(__file__).parent / "vectors"
LEAST: Final = 60
"""Fewer showings than these cannot be all of the vectors."""

CLEARED: Final = "cleared"
STATUSES: Final = {0: CLEARED, 1: "revoked", 2: "suspended"}
TEXTS: Final = ("scope", "status-uri", "aud")


@dataclass(frozen=True, slots=True)
class Code:
    """A code opened by the library: what it holds in the words of the vectors, and the two signed messages."""

    holds: dict[str, str]
    message: bytes
    credential: bytes
    device_key: COSEKeyInterface
    issuer_key: COSEKeyInterface


@dataclass(frozen=True, slots=True)
class World:
    """A world's files by name, and its trust list."""

    files: Mapping[str, bytes]
    trust: dict[str, list[dict[str, str]]]

    @classmethod
    def read(cls, name: str) -> "World":
        files = {path.name: path.read_bytes() for path in (FOLDER / "worlds" / name).iterdir()}
        return cls(files, json.loads(files["trust-list.json"]))

    def named(self, what: str, key: str, value: str) -> dict[str, str]:
        (found,) = (entry for entry in self.trust[what] if entry[key] == value)
        return found

    def point_key(self, kid: str) -> COSEKeyInterface:
        private = json.loads(self.files["control-point-keys.json"])[kid]
        public = self.named("control_points", "kid", kid)["key"]
        parameters = {1: 1, 2: kid, 3: 41, -1: 4, -2: public, -4: private}
        return COSEKey.new({label: _bytes(item) for label, item in parameters.items()})

    def issuer_key(self, kid: str) -> COSEKeyInterface:
        public = self.named("issuers", "kid", kid)["key"]
        return COSEKey.new({1: 1, 2: bytes.fromhex(kid), 3: -19, -1: 6, -2: bytes.fromhex(public)})

    def status(self, uri: str, index: int) -> int:
        """The status at an index, from the list that the library verified."""
        entry = self.named("status_lists", "uri", uri)
        payload = cbor2.loads(COSE.new().decode(self.files[entry["file"]], self.issuer_key(entry["issuer"])))
        bits, packed = payload[65533]["bits"], zlib.decompress(payload[65533]["lst"])
        return packed[index * bits // 8] >> index * bits % 8 & (1 << bits) - 1


def _bytes(item: object) -> object:
    return bytes.fromhex(item) if isinstance(item, str) else item


def showings() -> Iterator[tuple[str, dict[str, str]]]:
    """Every showing that says what it holds."""
    for path in sorted(FOLDER.glob("*.txt")):
        blocks = path.read_text(encoding="utf-8").split("\n\n")
        header, *steps = (dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks)
        yield from ((path.name, header | step) for step in steps if "cti" in step)


def opened(showing: Mapping[str, str], world: World) -> Code:
    """The code as the library reads it; it raises where it does not open or is not deterministic CBOR."""
    data = base45.b45decode(json.loads(showing["text"]).removeprefix("EC1:"))
    envelope = _loaded(data)
    kid = cbor2.loads(envelope.value[0])[4].hex()
    message = COSE.new().decode(data, world.point_key(kid))
    header, _, payload, _ = _loaded(message).value
    inner = cbor2.loads(header)[13]
    credential = cbor2.dumps(inner, canonical=True)
    issuer = cbor2.loads(inner.value[0])[4].hex()
    claims, shown = cbor2.loads(inner.value[2]), cbor2.loads(payload)
    described, device_key = _device_key(claims[8][1])
    status = claims[65535]["status_list"]
    holds = {
        "control-point-kid": kid,
        "issuer-kid": issuer,
        "credential-iat": str(claims[6]),
        "exp": str(claims[4]),
        "cti": claims[7].hex(),
        "device-key": described,
        "scope": claims[9],
        "status-idx": str(status["idx"]),
        "status-uri": status["uri"],
        "aud": shown[3],
        "iat": str(shown[6]),
        "cnonce": shown[39].hex(),
    }
    return Code(holds, message, credential, device_key, world.issuer_key(issuer))


def _loaded(data: bytes) -> cbor2.CBORTag:
    item = cbor2.loads(data)
    _agree("its deterministic encoding", cbor2.dumps(item, canonical=True), data)
    return item


def _device_key(key: Mapping[int, object]) -> tuple[str, COSEKeyInterface]:
    """In the vectors' words, and for the library, which wants y and not its sign."""
    x = key[-2]
    if key[1] == 1:
        return f"ed25519 {x.hex()}", COSEKey.new({**key, 3: -19})
    sign = b"\x03" if key[-3] else b"\x02"
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sign + x)
    y = point.public_numbers().y.to_bytes(32, "big")
    return f"p256 {x.hex()} {'odd' if key[-3] else 'even'}", COSEKey.new({**key, 3: -9, -3: y})


def check(showing: Mapping[str, str], world: World) -> None:
    """Raise AssertionError or the library's error where it disagrees."""
    code = opened(showing, world)
    for what, theirs in code.holds.items():
        ours = json.loads(showing[what]) if what in TEXTS else showing[what]
        _agree(what, theirs, ours)
    for message, key in ((code.message, code.device_key), (code.credential, code.issuer_key)):
        COSE.new().decode(message, key)
        _refuses(lambda message=message, key=key: COSE.new().decode(_flipped(message), key))
    if showing["expect"] in STATUSES.values():
        status = world.status(code.holds["status-uri"], int(code.holds["status-idx"]))
        _agree("its status", STATUSES.get(status), showing["expect"])


def _flipped(message: bytes) -> bytes:
    """The message with the last bit of its signature flipped."""
    return message[:-1] + bytes((message[-1] ^ 1,))


def _agree(what: str, theirs: object, ours: object) -> None:
    if theirs != ours:
        raise AssertionError(f"{what}: the library says {theirs!r}, we say {ours!r}")


def _refuses(call: Callable[[], object]) -> None:
    """An oracle that takes everything would agree with everything."""
    try:
        call()
    except Exception:  # noqa: BLE001 - whichever error the library has for it
        return
    raise AssertionError("the library takes a signature with a flipped bit")


def main() -> int:
    """Compare all; 1 where anything disagrees or too little was compared."""
    compared, wrong = 0, 0
    devices = set()
    for name, showing in showings():
        compared += 1
        devices.add(showing["device-key"].split()[0])
        try:
            check(showing, World.read(showing["world"]))
        except Exception as error:  # noqa: BLE001 - a disagreement of any kind is what is looked for
            wrong += 1
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201 - the result
    print(f"{compared} codes compared, {wrong} disagreements, device keys {', '.join(sorted(devices))}")  # noqa: T201 - the result
    return 1 if wrong or compared < LEAST or devices != {"p256", "ed25519"} else 0


if __name__ == "__main__":
    sys.exit(main())
