"""Text in pictures. The font has the letters of English only.

A name with accents is written without them. A name in another script is written as the number of its class, and a note
explains the number. A font for every script would be larger than the rest of geoglot (decision 14).
"""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache, lru_cache

from PIL import ImageFont

_NO_LETTER = "\U0010ffff"  # never has a glyph


@cache
def load_font(size: int = 15) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font of all pictures."""
    return ImageFont.load_default(size)


def fit_labels(names: Sequence[str], room: int) -> tuple[str, ...]:
    """A label of at most `room` pixels for each name: the name itself, without accents, or its number."""
    plain = [_plain(name) for name in names]
    alike = Counter(plain)
    return tuple(
        text if text is not None and alike[text] == 1 and load_font().getlength(text) <= room else str(number)
        for number, text in enumerate(plain, 1)
    )


def explain_numbers(names: Sequence[str], labels: Sequence[str]) -> tuple[str, ...]:
    """A sentence that gives the names behind numbers, if there are any."""
    pairs = [f"{text} = {name}" for text, name in zip(labels, names, strict=True) if text.isdigit() and text != name]
    return (f"in the picture numbers stand for names that it cannot write: {', '.join(pairs)}",) if pairs else ()


def make_writable(sentence: str) -> str:
    """Drop the accents of a sentence, and put "..." for each word that the font cannot write."""
    return " ".join((_plain(word) or "...") if word else "" for word in sentence.split(" "))


def _plain(text: str) -> str | None:
    """The text, without accents if the font lacks them; None if the font lacks other letters too."""
    if _is_writable(text):
        return text
    bare = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return bare if _is_writable(bare) else None


def _is_writable(text: str) -> bool:
    return bool(text.strip()) and text.isprintable() and all(map(_has_glyph, text))


@lru_cache(maxsize=4096)
def _has_glyph(letter: str) -> bool:
    try:
        return letter == " " or bytes(load_font().getmask(letter)) != bytes(load_font().getmask(_NO_LETTER))
    except UnicodeEncodeError:  # raised by a bitmap font
        return False
