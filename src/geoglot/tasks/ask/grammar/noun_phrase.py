"""Reads a noun phrase in plain form: a name, its size, its place and the things beside it.

A phrase is a name, with adjectives before it and any number of modifiers after it, all of which belong to the name:

    large buildings within 200m of river in north half   ->   buildings of at least 500 m², near a river, in a part

Every word must be read. If one is left over, NotUnderstood names it.
"""

import re
from collections.abc import Callable
from dataclasses import replace

from geoglot.nouns import UNCOUNTABLE, singular, uncountable
from geoglot.tasks.ask.grammar.lexicon import AREAS, COLOURS, LENGTHS
from geoglot.tasks.ask.grammar.names import name_of
from geoglot.tasks.ask.grammar.noun import (
    Between,
    Coloured,
    Filter,
    NotUnderstood,
    Related,
    Shaped,
    Sized,
    Thing,
)
from geoglot.tasks.ask.grammar.parts import part_name
from geoglot.tasks.ask.grammar.patterns import Groups, expression, kept

NEAR_M = 100.0  # "near", if the question does not say how near
#: RSVQA's sizes in m² (Lobry et al. 2020, section III)
_SMALL, _MEDIUM = Sized(0.0, 100.0, "smaller than 100 m²"), Sized(100.0, 500.0, "of 100 to 500 m²")
_LARGE = Sized(500.0, 0.0, "larger than 500 m²")
_ADJECTIVES: dict[str, Filter] = {
    "small": _SMALL, "tiny": _SMALL, "little": _SMALL, "medium": _MEDIUM, "medium-sized": _MEDIUM,
    "mid-sized": _MEDIUM, "large": _LARGE, "big": _LARGE, "huge": _LARGE, "giant": _LARGE, "enormous": _LARGE,
    "square": Shaped("square"), "round": Shaped("circular"),
    "rectangular": Shaped("rectangular"), "circular": Shaped("circular"),
    **{colour: Coloured(colour) for colour in COLOURS},
}  # fmt: skip
_COLOURLESS = {"area", "space", "land", "field", "zone", "belt"}  # green space
#: Names that begin with a word of size: classes of DOTA and of traffic counts
_NAMES = {"small vehicle", "large vehicle", "small car", "large car", "big box store"}
_SUPERLATIVES = {"largest": "largest", "biggest": "largest", "most extensive": "largest", "smallest": "smallest",
                 "tiniest": "smallest", "longest": "longest"}  # fmt: skip
_GROUND = "|".join(sorted(UNCOUNTABLE - {"land"}))
_PATCH = r"areas?|patch(?:es)?|bod(?:y|ies)|tracts?"
_PARTITIVE = {"separate", "distinct"}
_ONE_PIECE = {"disconnected", "unconnected", "contiguous", "continuous"}  # as every piece of forest is
#: Names with a word that would end a name otherwise: "of", "and"
_FIXED = (
    (r"place of worships?|places of worship", "place-of-worship"), (r"blocks? of flats", "block-of-flats"),
    (r"track and field", "track-field"), ("non flooded", "non-flooded"),
    (rf"(?:{_PATCH}) of ({_GROUND})", r"\1"), (rf"({_GROUND}) (?:patch(?:es)?|tracts?)", r"\1"),
)  # fmt: skip


def thing(text: str) -> Thing:
    """Read a noun phrase; NotUnderstood if a word is left over."""
    return subject(text)[1]


def subject(text: str) -> tuple[Thing, Thing]:
    """The thing of a phrase with its adjectives only, and the same thing with all its modifiers."""
    text = re.sub(r"(?<!\S)(?:in|on|of|within|inside|from|across|over|throughout|at|for) @(?!\w)", " ", text)
    text = re.sub(r"(?<=\S) (?:visible|present|shown|depicted)(?= |$)", "", text)
    text = re.sub(r"\b(any|some|each|all) of ", r"\1 ", text)
    text = re.sub(r"^(?:(?:of|all|any|some|those|these|that|individual|different) )+", "", " ".join(text.split()))
    text = re.sub(r"^(?:nearest|closest) (.+?) (?:to|from) (.+)$", r"\1 nearest to \2", _fixed(text))
    start = _BEGINS.search(f"{text} ")
    end = start.start() if start else len(text)
    core = _core(text[:end])
    return core, _modified(core, text[end:])


def in_plural(text: str) -> bool:
    """True if the noun of a phrase is typed in the plural."""
    start = _BEGINS.search(f"{text} ")
    *_, last = (text[: start.start()] if start else text).split() or [""]
    return singular(last) != last


def square_metres(groups: Groups) -> float:
    """The area that a pattern kept."""
    return round(float(groups["much"]) * AREAS[groups["unit"]], 6)


def metres(groups: Groups) -> float:
    """The distance that a pattern kept."""
    return round(float(groups["far"]) * LENGTHS[groups["length"]], 6)


def _fixed(text: str) -> str:
    for words, name in _FIXED:
        text = re.sub(rf"\b(?:{words})\b", name, text)
    return text


def _core(text: str) -> Thing:
    text, superlative = text.strip(" ,"), ""
    for words, kind in _SUPERLATIVES.items():
        if text.startswith(f"{words} "):
            text, superlative = text[len(words) + 1 :], kind
            if singular(text) != text:  # how many of the largest lakes?
                raise NotUnderstood(f"{words} {text}")
    if " or " in text and " and " in text:
        raise NotUnderstood("or")
    for before, joint in (("both ", " and "), ("either ", " or ")):
        text = text.removeprefix(before) if joint in text else text
    parts = re.split(r" and | or | , | as well as ", re.sub(r" , (and|or) ", r" \1 ", text))
    filters: tuple[Filter, ...] = ()
    names = []
    for part in parts:
        name, filters = _adjectives(part)
        if filters and len(parts) > 1:
            raise NotUnderstood(part)  # does the adjective belong to one name, or to all?
        names.append(name)
    return Thing(tuple(dict.fromkeys(names)), " or " in text, filters, superlative=superlative)


def _adjectives(text: str) -> tuple[str, tuple[Filter, ...]]:
    words, filters = text.split(), []
    in_pieces = words[:1]
    while len(words) > 1 and words[0] in _PARTITIVE | _ONE_PIECE:
        words = words[1:]
    while len(words) > 1 and words[0] in _ADJECTIVES and " ".join([*words[:-1], singular(words[-1])]) not in _NAMES:
        one = _ADJECTIVES[words[0]]
        if isinstance(one, Coloured) and singular(words[-1]) in _COLOURLESS:
            break
        filters.append(one)
        words = words[1:]
    name = name_of(words)
    if isinstance(_ADJECTIVES.get(words[-1]), Sized):
        raise NotUnderstood(words[-1])
    if _ONE_PIECE.intersection(in_pieces) and not uncountable(name):
        raise NotUnderstood(in_pieces[0])
    return name, tuple(filters)


def _another(groups: Groups, how: str = "") -> Thing:
    """The other thing of a modifier: adjectives and names alone."""
    text = groups["other"]
    if text.startswith(("another ", "other ")):
        if how not in ("near", "beside", "beyond"):  # the words that leave out the thing itself
            raise NotUnderstood(text)
        text = text.partition(" ")[2]
    if re.match("all |each |every ", text) and how in ("near", "beside"):
        raise NotUnderstood(text.partition(" ")[0])  # near any of them is no answer
    return _core(re.sub(r"^(?:(?:any|some|all|each|every|of|nearest|closest) )+", "", _fixed(text)))


def _related(how: str) -> Callable[[Groups], Filter]:
    def relate(groups: Groups) -> Filter:
        other = _another(groups, how)
        if other.every and how not in ("inside", "beyond"):
            raise NotUnderstood(groups["other"])  # near both, or near one of them?
        far = metres(groups) if "far" in groups else NEAR_M
        return Related(how, other, far if how in ("near", "beyond") else 0.0, groups["said"])

    return relate


def _between(groups: Groups) -> Filter:
    return Between(_another(Groups(other=groups["first"])), _another(groups))


def _sized(groups: Groups) -> Filter:
    least = square_metres(Groups(much=groups["least"], unit=groups["unit1"] or groups["unit"]))
    said = f"of {groups['least']} {groups['unit1'] or groups['unit']} to {groups['much']} {groups['unit']}"
    return Sized(least, square_metres(groups), said)


#: Patterns and their filters (none for a part or a date), in the order in which they are tried until no word is left
_MODIFIERS: tuple[tuple[str, Callable[[Groups], Filter] | None], ...] = (
    ("LINK (within|inside|in|under | less|closer|nearer than | no|not more than | at most | up to) [RADIUS of] DISTANCE"
     " [RADIUS] [away] of|from|to|around OTHER", _related("near")),
    ("LINK (over|beyond | more|farther|further|greater than | at least) DISTANCE [away] from|of OTHER",
     _related("beyond")),
    ("LINK DISTANCE from|of|around OTHER", _related("near")),
    ("LINK nearest|closest to|from OTHER", _related("nearest")),
    ("LINK [right|directly|immediately] NEXT OTHER", _related("beside")),
    ("LINK NEAR OTHER", _related("near")),
    ("LINK (between | in between | in middle of) FIRST and OTHER", _between),
    ("LINK [to|on|at|in] (said=(left|west of) | LEFT_FROM) OTHER", _related("left")),
    ("LINK [to|on|at|in] (said=(right|east of) | RIGHT_FROM) OTHER", _related("right")),
    ("LINK (above | [to|on|at|in] (said=(north of) | ABOVE_FROM)) OTHER", _related("above")),
    ("LINK (below|underneath|beneath | [to|on|at|in] (said=(south of) | BELOW_FROM)) OTHER", _related("below")),
    ("LINK in|on|at|within|inside|to|from|of|towards|covering [far|extreme|very] part=PART NOT_OF", None),
    ("LINK WITH_AREA [of] between FROM and SIZE", _sized),
    ("LINK WITH_AREA OVER SIZE [in size|area]",
     lambda groups: Sized(square_metres(groups), said=f"larger than {groups['much']} {groups['unit']}")),
    ("LINK WITH_AREA BELOW SIZE [in size|area]",
     lambda groups: Sized(below=square_metres(groups), said=f"smaller than {groups['much']} {groups['unit']}")),
    ("that|which is|are COLOUR [in colour]", lambda groups: Coloured(groups["colour"])),
    ("that|which is|are adjective=ADJECTIVE", lambda groups: _ADJECTIVES[groups["adjective"]]),
    ("NOT (within | less|closer than) DISTANCE of|from|to OTHER", _related("beyond")),
    ("NOT (near | close|near to) OTHER", _related("beyond")),
    ("LINK [in|on|at] date=@before|@after", None),
    ("LINK said=INSIDE OTHER", _related("inside")),
)  # fmt: skip
_TRIED = tuple((re.compile(expression(pattern)), make) for pattern, make in _MODIFIERS)
_BEGINS = re.compile(rf"(?:^|(?<= ))(?:{expression('BEGINS')})")


def _modified(what: Thing, text: str) -> Thing:
    text = text.strip(" ,")
    if not text:
        return what
    for pattern, make in _TRIED:
        match = pattern.match(f"{text} ")
        if match is None:
            continue
        groups, rest = kept(match), text[match.end() :]
        try:
            if make:
                return _modified(what.add(make(groups)), rest)
            if (groups["part"] and not what.part) or (groups["date"] and not what.when):
                part, when = part_name(groups["part"]) if groups["part"] else what.part, groups["date"].strip("@")
                return _modified(replace(what, part=part, when=when or what.when), rest)
        except NotUnderstood:
            continue
    raise NotUnderstood(text)
