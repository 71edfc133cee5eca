"""The colours of classes: each concept of `palette.toml` has one, the same in every run, whatever else is mapped.

Any other name has the colour that its letters choose among `_SPARE`, or the next that looks different from all colours
of the map to people with any colour vision. `python scripts/palette.py` prints how far apart colours look.
"""

import colorsys
import re
import tomllib
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import count
from pathlib import Path

from geoglot.nouns import SYNONYMS, heads_of, plain_name
from geoglot.outputs.vision import distances

Colour = tuple[int, int, int]

#: Colour of id 0. GeoTIFF's colour tables know no transparency.
OTHER_COLOUR: Colour = (240, 240, 240)
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
_TABLE = Path(__file__).with_name("palette.toml")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_APART = 10.0  # least distance (CIEDE2000) of a colour that is free to choose
MOST_COMPARED = 60
"""Names in a map whose colours are compared; more cannot look different anyway."""
_HUES = 600  # after these the hues of the wheel repeat


def choose_colours(names: Sequence[str]) -> tuple[Colour, ...]:
    """A colour for each name, no two alike; the first name of each concept has the colour of the concept."""
    chosen = dict[int, Colour]()
    for index, name in enumerate(names):
        concept = concept_of(name)
        if concept and (colour := known_colours()[concept]) not in chosen.values():
            chosen[index] = colour
        if len(chosen) == len(known_colours()):
            break
    taken, few = {OTHER_COLOUR, *chosen.values()}, len(names) <= MOST_COMPARED
    wheel = map(_wheel, count())
    for index, name in enumerate(names):
        if index not in chosen:
            free = choose_apart(_offer(name), taken) if few else next(colour for colour in wheel if colour not in taken)
            chosen[index] = free
            taken.add(free)
    return tuple(chosen[index] for index in range(len(names)))


def choose_apart(offered: Iterable[Colour], taken: Collection[Colour]) -> Colour:
    """The first of the colours offered that looks different from all that are taken, else the most different one."""
    free = [colour for colour in dict.fromkeys(offered) if colour not in taken]
    least = distances(free, list(taken)).min((0, 2))
    enough = least >= _APART
    return free[int(enough.argmax() if enough.any() else least.argmax())]


@cache
def known_colours() -> Mapping[str, Colour]:
    """The colour of each concept."""
    return {name: _parse(entry["colour"]) for name, entry in _read().items()}


@lru_cache(maxsize=100_000)
def concept_of(name: str) -> str | None:
    """The concept that a name means: "trees" for "the dark trees of a park"; None if none is known.

    Of several nouns ("sea or lake") the first counts.
    """
    plain = plain_name(_CAMEL.sub(" ", name.partition("@")[0]))
    heads = (plain, *(head for noun in heads_of(plain) for head in noun))
    return next(filter(None, map(_look_up, heads)), None)


def hex_of(colour: Colour) -> str:
    """A colour as #rrggbb."""
    return f"#{bytes(colour).hex()}"


def _look_up(head: str) -> str | None:
    words = _concepts()
    return words.get(head) or words.get(plain_name(SYNONYMS.get(head, "")))


@cache
def _concepts() -> Mapping[str, str]:
    """The concept of each word."""
    return {plain_name(word): name for name, entry in _read().items() for word in [name, *entry["words"].split(",")]}


@cache
def _read() -> Mapping[str, dict[str, str]]:
    return tomllib.loads(_TABLE.read_text("utf-8"))


def _parse(colour: str) -> Colour:
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue


def shades_of(colour: Colour) -> Iterator[Colour]:
    """Darker and paler ones, from near to far."""
    yield from (mix(colour, end, share) for share in (0.35, 0.55) for end in (_BLACK, _WHITE))


def _offer(name: str) -> Iterator[Colour]:
    """Shades of the concept if there is one, then spare colours from one that the letters of the name choose."""
    if concept := concept_of(name):
        yield from shades_of(known_colours()[concept])
    start = zlib.crc32(plain_name(name).encode())
    yield from (_SPARE[(start + step) % len(_SPARE)] for step in range(len(_SPARE)))


def mix(colour: Colour, other: Colour, share: float) -> Colour:
    """A colour with a share 0..1 of another."""
    red, green, blue = (round(one + (two - one) * share) for one, two in zip(colour, other, strict=True))
    return red, green, blue


def _wheel(index: int) -> Colour:
    """Hues a golden angle apart, so that neighbours differ most; each further wheel is paler or darker."""
    ring = index // _HUES
    saturation, brightness = 0.4 + (0.22 + 0.4152 * ring) % 0.55, 0.5 + (0.36 + 0.2564 * ring) % 0.45
    red, green, blue = colorsys.hsv_to_rgb((0.08 + index * 0.61803) % 1, saturation, brightness)
    return round(red * 255), round(green * 255), round(blue * 255)


_SPARE = tuple(_wheel(index + index % 4 * _HUES) for index in range(96))
