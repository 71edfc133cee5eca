"""Tasks for a child process, which imports this file."""

from __future__ import annotations

import logging
import os
import socket
from dataclasses import dataclass

from geoglot.errors import InputError


def upper(text: str) -> str:
    return text.upper()


def refuse(text: str) -> str:
    raise InputError(f"{text} is wrong")


def crash() -> str:
    os.kill(os.getpid(), 11)
    return ""


def take_memory() -> str:
    return str(len(bytearray(2**30)))


def never_end() -> str:
    while True:
        pass


def fail() -> str:
    return str(1 / 0)


def connect() -> str:
    return str(socket.socket())


@dataclass(frozen=True)
class Seen:
    """What a door gives that a batch runs."""

    source: str

    def to_json(self) -> dict[str, str]:
        return {"seen": self.source}


def warn(source: str) -> Seen:
    logging.getLogger("geoglot.somewhere").warning("%s is odd", source)
    return Seen(source)
