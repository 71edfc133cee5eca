"""How the server and its child processes talk: a JSON document and some bytes, each after its length."""

import json
import struct
from collections.abc import Mapping
from typing import Any, BinaryIO

_HEAD = struct.Struct(">II")
#: Bytes of one document and of one payload: a child that was taken over cannot fill the memory of the server
MOST = 256 * 2**20


def encode_frame(document: Mapping[str, Any], payload: bytes = b"") -> bytes:
    """The bytes of a frame. Numbers must be finite; dates and paths become texts."""
    text = json.dumps(document, allow_nan=False, default=str).encode()
    return _HEAD.pack(len(text), len(payload)) + text + payload


def read_head(head: bytes) -> tuple[int, int]:
    """The lengths of document and payload; ValueError if they are too long."""
    lengths = _HEAD.unpack(head)
    if max(lengths) > MOST:
        raise ValueError(f"a frame has at most {MOST} bytes")
    return lengths[0], lengths[1]


HEAD_BYTES = _HEAD.size


def read_frame(stream: BinaryIO) -> dict[str, Any] | None:
    """The document of the next frame, whose payload must be empty; None at the end of the stream."""
    head = stream.read(HEAD_BYTES)
    if len(head) < HEAD_BYTES:
        return None
    length, _ = read_head(head)
    document: dict[str, Any] = json.loads(stream.read(length))
    return document
