"""`gate decode`: the codes in pictures."""

import json
import sys
import time
from argparse import Namespace
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gate.cli import MISUSE, say
from gate.errors import GateError
from hardware import chain, decoder


def decode(arguments: Namespace) -> int:
    """Read pictures; 0 when every one of them held a code, 2 when one could not be opened (the others are read all the same)."""
    if arguments.engine == "pyzbar" and (missing := decoder.pyzbar_missing()):
        raise GateError(missing)
    engine = chain.engine(arguments.engine)
    codes = [_try(engine, path, as_json=arguments.json) for path in arguments.image]
    return max(codes)


def _try(engine: decoder.Engine, path: Path, *, as_json: bool) -> int:
    try:
        grey = _load(path)
    except GateError as error:
        say(str(error))
        return MISUSE
    return 0 if _read(engine, path, grey, as_json=as_json) else 1


def _load(path: Path) -> NDArray[np.uint8]:
    """A picture as grey. Raises GateError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise GateError(f"{path}: expected a picture that can be read, got: {error.strerror}") from None
    try:
        grey = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) if data else None
    except cv2.error:  # larger than OpenCV's limit
        grey = None
    if grey is None:
        raise GateError(f"{path}: expected a picture that OpenCV reads, such as PNG or JPEG")
    return np.asarray(grey, np.uint8)


def _read(engine: decoder.Engine, path: Path, grey: NDArray[np.uint8], *, as_json: bool) -> bool:
    began = time.perf_counter()
    symbols = engine.read(grey)
    ms = round((time.perf_counter() - began) * 1e3, 3)
    texts = [{"text": text(symbol.data), "engine": symbol.engine} for symbol in symbols]
    if as_json:
        lines = [json.dumps({"path": str(path), "symbols": texts, "ms": ms})]
    else:
        lines = [f"{path}: {text['text']} ({text['engine']}, {ms} ms)" for text in texts] or [
            f"{path}: no code ({ms} ms)"
        ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
    return bool(symbols)


def text(data: bytes) -> str:
    """A symbol's bytes as text: UTF-8; else Shift JIS, as codes from Japan hold it without saying so; else Latin-1 (ISO/IEC 18004 7.3.5)."""
    for encoding in ("utf-8", "cp932"):
        with suppress(UnicodeDecodeError):
            return data.decode(encoding)
    return data.decode("latin-1")
