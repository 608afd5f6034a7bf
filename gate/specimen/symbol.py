"""A code as a QR symbol: error correction M, the full quiet zone (FORMAT section 1)."""

from pathlib import Path

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from gate.errors import GateError

_PIXELS_PER_MODULE = 8


def modules(text: str, scale: int = 1) -> NDArray[np.uint8]:
    """The symbol with its quiet zone of four modules, `scale` pixels a module, 0 black and 255 white."""
    barcode = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    bare = np.array(barcode.to_image(scale=scale, add_quiet_zones=False), dtype=np.uint8)
    return np.pad(bare, 4 * scale, constant_values=255)


def draw(text: str, path: Path) -> None:
    """Write the symbol as a picture. Raises GateError."""
    if not path.suffix.lower() == ".png":
        raise GateError(f"{path}: expected a name that ends in .png")
    good, data = cv2.imencode(".png", modules(text, _PIXELS_PER_MODULE))
    if not good:
        raise GateError(f"{path}: the symbol could not be drawn")
    path.write_bytes(data.tobytes())
