"""Parses the name of a band: a colour in words, a wavelength, or its number on its satellite.

A colour is red, green, blue, or another part of the spectrum (nir, rededge, swir, ...), so that "Near infrared" and
"RedEdge" are never taken for red.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

RGB = ("red", "green", "blue")
_GENERIC = {"band", "channel", "layer"}
_LETTERS = {"r": "red", "g": "green", "b": "blue", "n": "nir", "re": "rededge", "n1": "nir", "n2": "nir2"}
_WORDS = {  # in English, German, French, Spanish and Italian
    "red": "red|rot|rouge|rojo|rosso", "green": "green|grn|grün|gruen|vert|verde", "blue": "blue|blu|blau|bleu|azul",
}  # fmt: skip
_AFTER_BAND = {"c": "coastal", "y": "yellow", "p": "pan"}  # only as in BAND_Y: a single letter may mean anything
_OTHERS = (
    ("quality", r"\b(qa|qc|scl|udm2?|alpha)\b|mask|quality|cloud"),
    ("index", r"\b(nd[a-z]i\d?|evi|savi|std|stdev|stddev|variance|count|ratio|index)\b"),
    ("rededge", r"\bred ?edge|\bre\d\b"),
    ("swir", r"\bswir|short ?wave"),
    ("thermal", r"thermal|\btirs?\d?\b|\blwir|temperature"),
    ("nir", r"\bnir(0?8|1)?\b|near ?infra|near ir\b|infra ?(red|rot|rouge|rojo|rosso)|\b(pir|vnir)\b"),
    ("nir2", r"\bnir\d+\b"),
    ("coastal", r"coastal|aerosol|(ultra|deep) ?blue"),
    ("green1", r"\bgreen ?i\b"),
    ("yellow", r"\byellow\b"),
    ("pan", r"\bpan(chromatic)?\b"),
    ("radar", r"\b(vv|vh|hh|hv)\b"),
)
"""Tried in this order, before the plain words red, green and blue."""
_SPECTRUM = (
    (0.38, ""), (0.455, "coastal"), (0.515, "blue"), (0.59, "green"), (0.62, "yellow"), (0.69, "red"),
    (0.755, "rededge"), (0.92, "nir"), (1.0, "nir2"), (3.0, "swir"), (8.0, ""), (15.0, "thermal"),
)  # fmt: skip
"""The colours of light, each with the wavelength in micrometres below which it ends."""
_VISIBLE = {"red": (0.61, 0.66, 0.7), "green": (0.51, 0.56, 0.59), "blue": (0.43, 0.48, 0.515)}
"""Micrometres (least, middle, most)."""
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*(nm\b|nanomet|um\b|µm|μm|micromet)", re.IGNORECASE)
_ENVI = re.compile(r"\((\d+\.\d+)\)\s*$")


@lru_cache(maxsize=1024)
def parse_colour(name: str) -> str | None:
    """The colour that a name says in words or by a letter; None if it says no colour or several."""
    text = _plain(name)
    bare = " ".join(word for word in text.split() if word not in _GENERIC)
    if letter := _LETTERS.get(bare) or (_AFTER_BAND.get(bare) if bare != text else None):
        return letter
    for colour, pattern in _OTHERS:
        if re.search(pattern, text):
            return colour
    named = [colour for colour, word in _WORDS.items() if re.search(rf"\b(band ?)?({word})\d?( ?band)?\b", text)]
    return named[0] if len(named) == 1 else None


def parse_band_number(name: str) -> str | None:
    """The number of a band in its satellite's numbering: "4" in B04, SR_B4, "Band 4" and LC08_..._B4, "8a" in B8A."""
    match = re.search(r"\b(?:b|band|ch|channel) ?0*(\d{1,2}a?)\b", _plain(name))
    return match[1] if match else None


def parse_wavelength(name: str) -> float | None:
    """The wavelength in a name, in micrometres: "Red (665 nm)", or "Band 3 (0.6546)" as ENVI writes it."""
    match = _LENGTH.search(name) or _ENVI.search(name)
    return to_micrometres(float(match[1])) if match else None


def to_micrometres(length: float) -> float:
    """Convert micrometres or nanometres to micrometres; no band lies above 100 micrometres or below 100 nm."""
    return length if length < 100 else length / 1000


def colour_of_wavelength(length: float | None) -> str | None:
    """The colour of a wavelength in micrometres."""
    if length is None:
        return None
    return next((colour for below, colour in _SPECTRUM if length < below), "") or None


def nearest_band(colour: str, lengths: Sequence[float | None]) -> int | None:
    """The band (1-based) whose wavelength is nearest to the middle of red, green or blue; None if all lie outside."""
    least, middle, most = _VISIBLE[colour]
    near = [
        (abs(length - middle), index)
        for index, length in enumerate(lengths, 1)
        if length is not None and least <= length <= most
    ]
    return min(near)[1] if near else None


def is_same_name(name: str, other: str) -> bool:
    """Whether two names differ only in case and punctuation: SR_B4 and sr-b4."""
    return _plain(name) == _plain(other)


def split_capitals(name: str) -> str:
    """Put a space before each capital inside a word: RedEdge becomes Red Edge."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)


def _plain(name: str) -> str:
    """Lower-case words with spaces between them."""
    return " ".join(re.findall(r"[^\W_]+", split_capitals(name).lower()))
