"""What a picture can write: its font holds the letters of English, and no others.

A name in other letters is written without its accents where that says the same, else as the number of its class, and a
note gives the name. A font for every script would be larger than the rest of geoglot (decision 14).
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache, lru_cache

from PIL import ImageFont

SIZE = 15
_NO_LETTER = "\U0010ffff"  # never has a glyph


@cache
def font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The one of all pictures."""
    return ImageFont.load_default(size=SIZE)


def labels(names: Sequence[str], room: int) -> tuple[str, ...]:
    """What stands for each name in a picture with so many pixels a line: itself, without accents, or its number."""
    plain = [_plain(name) for name in names]
    alike = Counter(plain)
    return tuple(
        text if text is not None and alike[text] == 1 and font().getlength(text) <= room else str(number)
        for number, text in enumerate(plain, 1)
    )


def label_notes(names: Sequence[str], shown: Sequence[str]) -> tuple[str, ...]:
    """A sentence that gives the names of numbers."""
    hidden = [f"{text} = {name}" for text, name in zip(shown, names, strict=True) if text.isdigit() and text != name]
    return (f"in the picture numbers stand for names that it cannot write: {', '.join(hidden)}",) if hidden else ()


def written(sentence: str) -> str:
    """A sentence as a picture can write it, without accents; "..." for what it cannot write."""
    words = ((_plain(word) if word else "") for word in sentence.split(" "))
    return " ".join("..." if word is None else word for word in words)


def _plain(text: str) -> str | None:
    """The text, or without its accents; None where the font lacks its letters."""
    if _is_writable(text):
        return text
    parts = unicodedata.normalize("NFKD", text)
    bare = "".join(letter for letter in parts if not unicodedata.combining(letter))
    return bare if _is_writable(bare) else None


def _is_writable(text: str) -> bool:
    return bool(text.strip()) and text.isprintable() and all(map(_has_glyph, text))


@lru_cache(maxsize=4096)
def _has_glyph(letter: str) -> bool:
    try:
        return letter == " " or bytes(font().getmask(letter)) != _missing()
    except UnicodeEncodeError:  # of a font that is no more than a bitmap
        return False


@cache
def _missing() -> bytes:
    """The box that stands for every letter without a glyph."""
    return bytes(font().getmask(_NO_LETTER))
