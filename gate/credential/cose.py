"""COSE (RFC 9052) as EC1 uses it: tagged Sign1 and Encrypt0 with exactly the listed headers (FORMAT section 2).

Parsed here, judged in the verifier. What is kept are the very bytes that were signed.
"""

from typing import Final, NamedTuple

from gate.credential import cbor, hpke
from gate.credential.cbor import form
from gate.credential.keys import ControlPointKey

_ENCRYPT0: Final = form(rb"""
    \xd0 \x83                                    # 16([
    \x4a (\xa2 \x01\x18\x29 \x04\x44 (.{4}))      # h'{1: 41 (X25519, HKDF-SHA256, AES-128-GCM), 4: kid}',
    \xa1 \x23 \x58\x20 (.{32})                   # {-4: ek},
    BSTR                                         # ciphertext ])
""")
SIGN1: Final = rb"""
    \xd2 \x84 BSTR             # 18([ protected,
    \xa0 BSTR                  # {}, payload,
    \x58\x40 (.{64})           # signature ])
"""
"""A tagged COSE_Sign1 as a part of a form: its protected header, its payload, its signature."""
_SIGN1: Final = form(SIGN1)


class Encrypt0(NamedTuple):
    """The outermost layer: what is needed to open it."""

    protected: bytes
    kid: bytes
    ek: bytes
    ciphertext: bytes


class Sign1(NamedTuple):
    """A signed message: the encoded protected header, the payload's bytes and the signature of 64 bytes."""

    protected: bytes
    payload: bytes
    signature: bytes

    def signed(self) -> bytes:
        """The bytes under the signature: Sig_structure (RFC 9052 section 4.4) with empty external data."""
        return b"\x84\x6aSignature1" + cbor.bstr(self.protected) + b"\x40" + cbor.bstr(self.payload)


def parse_encrypt0(data: bytes) -> Encrypt0:
    """A COSE_Encrypt0 with `{1: 41, 4: kid}` protected and `{-4: ek}` unprotected. Raises Refused (`malformed`)."""
    return Encrypt0(*cbor.read(_ENCRYPT0, data))


def open_encrypt0(message: Encrypt0, key: ControlPointKey) -> bytes:
    """The plaintext; the headers are authenticated by Enc_structure (RFC 9052 section 5.3). Raises Refused (`undecryptable`)."""
    aad = b"\x83\x68Encrypt0" + cbor.bstr(message.protected) + b"\x40"
    return hpke.open_base(key, message.ek, aad, message.ciphertext)


def parse_sign1(data: bytes) -> Sign1:
    """A tagged COSE_Sign1 with an empty unprotected map. Raises Refused (`malformed`)."""
    return Sign1(*cbor.read(_SIGN1, data))
