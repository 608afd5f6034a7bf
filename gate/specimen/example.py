"""The worked example of FORMAT.md: one code, opened layer by layer and written out. `python -m gate.specimen.example` prints it."""

from collections.abc import Iterator
from typing import Final, Literal

from gate.specimen.cases import REHEARSAL_SEED, Showing, Specimen
from gate.specimen.phone import armor

AT: Final = 1793606400
"""2026-11-02 08:00 UTC, the morning of the recordings."""

BEGIN: Final = "<!-- the worked example begins: python -m gate.specimen.example -->\n"
END: Final = "<!-- the worked example ends -->\n"

_BYTES_A_LINE: Final = 32
_COMMENT_COLUMN: Final = 72
_HEAD_SIZES: Final = {24: 2, 25: 3, 26: 5, 27: 9}
_STRINGS: Final = (2, 3)

Takes = Literal["head", "item", "pair"]
"""How much of the encoding a line shows: a head alone, an item with its content, or a label and its item."""

Note = tuple[int, Takes, str]
"""How deep the line is indented, what it takes, and what it says."""

_ENVELOPE: Final[tuple[Note, ...]] = (
    (0, "head", "tag 16: COSE_Encrypt0"),
    (0, "head", "array of 3"),
    (1, "head", "protected header, wrapped in a byte string"),
    (2, "head", "map of 2"),
    (2, "pair", "1 alg: 41, HPKE-3"),
    (2, "pair", "4 kid: the control point's key"),
    (1, "head", "unprotected header, map of 1"),
    (2, "pair", "-4 ek: the encapsulated key"),
    (1, "item", "ciphertext and its tag of 16 bytes"),
)
_CLAIMS: Final[tuple[Note, ...]] = (
    (0, "head", "claims, wrapped in a byte string"),
    (1, "head", "map of 6"),
    (1, "pair", "4 exp: 2026-11-02 20:00 UTC"),
    (1, "pair", "6 iat: 2026-11-02 07:00 UTC"),
    (1, "pair", "7 cti: the pseudonym"),
    (1, "item", "8 cnf"),
    (2, "head", "map of 1"),
    (2, "item", "1 COSE_Key"),
    (3, "head", "map of 4"),
    (3, "pair", "1 kty: 2, EC2"),
    (3, "pair", "-1 crv: 1, P-256"),
    (3, "pair", "-2 x"),
    (3, "pair", "-3 y: its sign alone"),
    (1, "pair", '9 scope: "MO-PR"'),
    (1, "item", "65535 status"),
    (2, "head", "map of 1"),
    (2, "item", '"status_list"'),
    (3, "head", "map of 2"),
    (3, "pair", '"idx": 1024'),
    (3, "pair", '"uri": "urn:uto:uto-mo"'),
)
_CREDENTIAL: Final[tuple[Note, ...]] = (
    (0, "head", "tag 18: COSE_Sign1, the credential"),
    (0, "head", "array of 4"),
    (1, "head", "protected header, wrapped in a byte string"),
    (2, "head", "map of 2"),
    (2, "pair", "1 alg: -19, Ed25519"),
    (2, "pair", "4 kid: the issuer's key"),
    (1, "item", "unprotected header: empty"),
    *((depth + 1, takes, says) for depth, takes, says in _CLAIMS),
    (1, "item", "signature, by the issuer"),
)
_MESSAGE: Final[tuple[Note, ...]] = (
    (0, "head", "tag 18: COSE_Sign1, the phone's"),
    (0, "head", "array of 4"),
    (1, "head", "protected header, wrapped in a byte string"),
    (2, "head", "map of 3"),
    (2, "pair", "1 alg: -9, ESP256"),
    (2, "item", "13 kcwt"),
    *((depth + 3, takes, says) for depth, takes, says in _CREDENTIAL),
    (2, "pair", "16 typ: 294, kb+cwt"),
    (1, "item", "unprotected header: empty"),
    (1, "head", "payload, wrapped in a byte string"),
    (2, "head", "map of 3"),
    (2, "pair", '3 aud: "HZMB-HK"'),
    (2, "pair", "6 iat: 2026-11-02 08:00 UTC"),
    (2, "pair", "39 cnonce"),
    (1, "item", "signature, by the phone: r then s"),
)


def section() -> str:
    """The worked example as Markdown, from `BEGIN` to `END`."""
    specimen = Specimen.from_seed(REHEARSAL_SEED)
    showing = Showing(AT)
    message = specimen.message(showing)
    sealed = specimen.encrypt0(message, showing)
    point, issuer = specimen.kit.point, specimen.kit.macau
    blocks = (
        ("The control point's X25519 private key, which only the lane holds", point.key.private_bytes_raw().hex()),
        ("The control point's public key, which phones seal for", point.public.hex()),
        ("The issuer's Ed25519 public key, from the trust list", issuer.key.public_key().public_bytes_raw().hex()),
        ("The text in the symbol", armor(sealed)),
        ("What the text holds: the COSE_Encrypt0", "\n".join(annotate(sealed, _ENVELOPE))),
        (
            "What the control point's key opens: the phone's COSE_Sign1, with the credential and its claims inside",
            "\n".join(annotate(message, _MESSAGE)),
        ),
    )
    return BEGIN + "".join(f"\n{title}:\n\n```\n{body}\n```\n" for title, body in blocks) + "\n" + END


def annotate(data: bytes, notes: tuple[Note, ...]) -> Iterator[str]:
    """Hex, a line or more a note, with the note beside the first. Raises ValueError where the notes do not cover the bytes exactly."""
    at = 0
    for depth, takes, says in notes:
        end = at + _extent(data, at, takes)
        yield from _lines(data[at:end], depth, says)
        at = end
    if at != len(data):
        raise ValueError(f"expected notes for {len(data)} bytes, got them for {at}")


def _lines(data: bytes, depth: int, says: str) -> Iterator[str]:
    indent = "  " * depth
    width = _BYTES_A_LINE - depth
    first, *rest = (data[at : at + width].hex() for at in range(0, len(data), width))
    yield f"{indent + first:<{_COMMENT_COLUMN}}# {indent}{says}"
    yield from (indent + more for more in rest)


def _extent(data: bytes, at: int, takes: Takes) -> int:
    if takes == "head":
        return _head(data, at)[0]
    if takes == "item":
        return _item(data, at)
    label = _item(data, at)
    return label + _item(data, at + label)


def _item(data: bytes, at: int) -> int:
    """The size of an item: of its head, and of its content where that is a string."""
    size, argument = _head(data, at)
    return size + argument if data[at] >> 5 in _STRINGS else size


def _head(data: bytes, at: int) -> tuple[int, int]:
    """The size of the head at `at`, and its argument."""
    short = data[at] & 31
    size = _HEAD_SIZES.get(short, 1)
    return size, int.from_bytes(data[at + 1 : at + size], "big") if size > 1 else short


if __name__ == "__main__":
    print(section(), end="")  # noqa: T201 - the result
