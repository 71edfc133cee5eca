"""Noun phrases: what is asked about, where it lies, how large it is, and what it lies beside.

A phrase is a name, with adjectives before it, and any number of modifiers after it, all of which belong to the name:

    large buildings within 200m of river in north half      ->  find, in a part, of at least 500 m², near a river

Every word must be read. Where one is left over, the phrase is not understood (NotUnderstood), and nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from geoglot.tasks.answer.lexicon import (
    AREAS,
    COLOURS,
    FUNCTION_WORDS,
    LENGTHS,
    SYNONYMS,
    VERBS,
    plural,
    singular,
    spelled,
)

NEAR_M = 100.0  # "near" and "close to", where nobody says how near
_MOST_WORDS = 4
#: RSVQA's sizes (Lobry et al. 2020, section III): in square metres, from and below
_SIZES = {
    "small": (0.0, 100.0), "tiny": (0.0, 100.0), "little": (0.0, 100.0), "medium": (100.0, 500.0),
    "medium-sized": (100.0, 500.0), "large": (500.0, 0.0), "big": (500.0, 0.0), "huge": (500.0, 0.0),
}  # fmt: skip
_SHAPES = {"square": "square", "rectangular": "rectangular", "circular": "circular", "round": "circular"}
_COLOUR_WORDS = {colour: colour for colour in COLOURS} | {"gray": "grey"}
_COLOURLESS = {"area", "space", "land", "field", "zone", "belt", "house"}  # green space, white house
#: Names that begin like a size and are none: classes of DOTA and of traffic counts
_NAMES = {"small vehicle", "large vehicle", "small car", "large car", "big box store"}
_NOUNS_IN_ING = {"building", "crossing", "housing", "landing", "parking", "mooring", "clearing", "ring", "wing",
                 "spring", "shed", "bed", "railing", "opening", "reed", "watershed", "seabed"}  # fmt: skip
_FIRST_IN_ING = {"swimming", "shipping", "fishing", "sailing", "training", "mining", "racing", "riding", "loading",
                 "bowling", "skating", "skiing", "farming", "grazing", "cooling", "bathing", "camping"}  # fmt: skip
#: Plurals that a longer name may begin with
_PLURAL_FIRST = {"sports", "athletics", "gas", "works", "goods", "arts", "games", "grass", "glass", "woods", "tennis",
                 "barracks", "customs", "railways", "lawns", "houses", "greens", "bus", "canvas"}  # fmt: skip
_FIXED = {"place of worship": "place-of-worship", "places of worship": "place-of-worship",
          "place of worships": "place-of-worship", "body of water": "water", "bodies of water": "water",
          "areas of water": "water", "area of water": "water", "block of flats": "block-of-flats",
          "blocks of flats": "block-of-flats", "non flooded": "non-flooded", "track and field": "track-field"}  # fmt: skip

_SUPERLATIVES = {"largest": "largest", "biggest": "largest", "smallest": "smallest", "tiniest": "smallest",
                 "most extensive": "largest"}  # fmt: skip
_VERTICAL = {"north": "upper", "northern": "upper", "top": "upper", "upper": "upper", "south": "lower",
             "southern": "lower", "bottom": "lower", "lower": "lower"}  # fmt: skip
_ACROSS = {"west": "left", "western": "left", "left": "left", "left-hand": "left", "lefthand": "left", "east": "right",
           "eastern": "right", "right": "right", "right-hand": "right", "righthand": "right"}  # fmt: skip
_COMPASS = {"upper": "north", "lower": "south", "left": "west", "right": "east"}
_CENTRE = ("centre", "center", "middle", "central", "centre-most", "centermost")
_DIRECTION = "|".join(sorted([*_VERTICAL, *_ACROSS], key=len, reverse=True))
_KIND = r"(?:quarter|quadrant|corner|half|third|part|side|area|section|portion|region|end|edge|zone)"
_PART = (
    rf"(?:(?P<one>{_DIRECTION})(?:[ -]?(?P<two>{_DIRECTION}))?(?:-?most)?(?: (?P<kind>{_KIND}))?"
    rf"|(?P<centre>{'|'.join(_CENTRE)})(?: (?P<ckind>{_KIND}))?)(?: (?:of|in) @)?"
)
_DISTANCE = r"(?P<far>\d+(?:\.\d+)?)(?P<length>m|km|ft|mile|yard)"
_SIZE = r"(?P<much>\d+(?:\.\d+)?)(?P<unit>m²|km²|ha|acre|ft²)"
_LINK = r"(?:(?:that|which|who) )?(?:(?:is|are|lie|lies|sit|stand|can be) )?(?:(?:located|situated|lying|found|standing|placed|parked|moored|docked|anchored|driving|sitting|growing|seen|built|there) )?"
_NOT = r"(?:(?:that|which) )?(?:is|are|lie|do) not (?:lie )?"
_HAVE = r"(?:(?:with|having|that have|which have|that has|have|has|whose) )?(?:(?:area|surface|size|footprint|extent) )?(?:(?:of|that is|is|are|measuring|measure|covering|cover|covers) )?"
_MORE = r"(?:exceeds|exceed|larger|bigger|greater|more|over|above|exceeding|at least|no less|no smaller|not less|not smaller|upwards of)(?: than)?"
_LESS = r"(?:smaller|less|under|below|at most|no more|no larger|not more|not larger|up to)(?: than)?"


class NotUnderstood(Exception):
    """Words that the grammar cannot read; never shown as it is."""


@dataclass(frozen=True)
class Thing:
    """What a noun phrase means."""

    names: tuple[str, ...]
    either: bool = False
    """Whether several names were joined by "or"."""
    wraps: tuple[str, ...] = ()
    """Calls around the search, inner first, with {} for what they take: larger({}, 500)."""
    words: tuple[str, ...] = ()
    """The modifiers as they are said again: "larger than 500 m²"."""
    region: str = ""
    """The call that gives the region: part("left half")."""
    place: str = ""
    """The region as it is said again: "in the left half"."""
    when: str = ""
    """ "before", "after" or ""."""
    superlative: str = ""

    @property
    def name(self) -> str:
        """The name, or the names joined."""
        return (" or " if self.either else " and ").join(self.names)

    @property
    def many(self) -> str:
        """The plural, with what else is known."""
        names = [plural(name) for name in self.names]
        return " ".join([self._sup, (" or " if self.either else " and ").join(names), self.rest]).strip()

    @property
    def one(self) -> str:
        """The singular, with what else is known."""
        return " ".join([self._sup, self.name, self.rest]).strip()

    @property
    def rest(self) -> str:
        """All modifiers as they are said again."""
        dated = f"on the {'first' if self.when == 'before' else 'second'} date" if self.when else ""
        return " ".join(word for word in (*self.words, self.place, dated) if word)

    @property
    def _sup(self) -> str:
        return self.superlative

    @property
    def is_bare(self) -> bool:
        """Whether it is names alone."""
        return not (self.wraps or self.region or self.when or self.superlative)

    def find(self, *, clip: bool = False) -> str:
        """The expression that finds it; with `clip` the region is left to who measures."""
        region = "" if clip else self.region
        where = f"{self.when}({region})" if self.when else region
        found = [f'find("{name}"{f", {where}" if where else ""})' for name in self.names]
        expression = found[0]
        for other in found[1:]:
            expression = f"together({expression}, {other})"
        for wrap in self.wraps:
            expression = wrap.replace("{}", expression)
        return f"{self.superlative}({expression})" if self.superlative else expression

    @property
    def part(self) -> str:
        """The region as a last argument: `, part("left half")`, or nothing."""
        return f", {self.region}" if self.region else ""


def thing(text: str) -> Thing:
    """Read a noun phrase in plain form."""
    return subject(text)[1]


def subject(text: str) -> tuple[Thing, Thing]:
    """What a phrase speaks of, with its adjectives alone, and with all that is said of it."""
    text = _nearest_first(_fixed(_without_scene(text)))
    start = _MODIFIER.search(f" {text} ")
    end = len(text) if start is None else start.start() - 1
    core = _core(text[:end])
    return core, _modified(core, text[end:])


def measure(much: str, unit: str) -> float:
    """A size in square metres, or a length in metres."""
    return round(float(much) * (AREAS | LENGTHS)[unit], 6)


def part_name(text: str) -> str:
    """The canonical name of a part in words: "upper left" is the upper left quarter; NotUnderstood otherwise."""
    match = re.fullmatch(_PART, text.strip())
    if match is None:
        raise NotUnderstood(text)
    if match["centre"]:
        kind = match["ckind"]
        return "middle third" if kind == "third" else "centre"
    given = [word for word in (match["one"], match["two"]) if word]
    downs = [_VERTICAL[word] for word in given if word in _VERTICAL]
    sides = [_ACROSS[word] for word in given if word in _ACROSS]
    if len(downs) > 1 or len(sides) > 1:
        raise NotUnderstood(text)
    compass = any(word.startswith(("north", "south", "east", "west")) for word in given)
    kind = match["kind"] or ""
    if downs and sides:
        if kind in ("half", "third"):
            raise NotUnderstood(text)
        words = [downs[0], sides[0]]
        name = "-".join(_COMPASS[word] for word in words) if compass else " ".join(words)
        return f"{name} quarter"
    if kind in ("quarter", "quadrant", "corner"):
        raise NotUnderstood(text)
    word = (downs or sides)[0]
    return f"{_COMPASS[word] if compass else word} {'third' if kind == 'third' else 'half'}"


def _without_scene(text: str) -> str:
    text = re.sub(r"(?<!\S)(?:in|on|of|within|inside|from|across|over|throughout|at|for) @(?!\w)", " ", text)
    text = re.sub(r"(?<=\S) (?:visible|present|shown|depicted)(?= |$)", "", text)
    text = re.sub(
        r"^(?:of |all |any |some |every |each |those |these |that |individual |different |single |other )+", "", text
    )
    return " ".join(text.split())


def _fixed(text: str) -> str:
    for words, name in _FIXED.items():
        text = re.sub(rf"\b{words}\b", name, text)
    return text


def _nearest_first(text: str) -> str:
    """ "nearest school to river" as "school nearest to river"."""
    return re.sub(r"^(?:nearest|closest) (.+?) (?:to|from) (.+)$", r"\1 nearest to \2", text)


def _core(text: str) -> Thing:
    """Adjectives and names."""
    text = text.strip(" ,")
    superlative = ""
    for words, kind in _SUPERLATIVES.items():
        if text.startswith(f"{words} "):
            text, superlative = text[len(words) + 1 :], kind
    parts = re.split(r" and | or | , and | , or | , | as well as ", re.sub(r" , (and|or) ", r" \1 ", text))
    either = " or " in text
    if " or " in text and " and " in text:
        raise NotUnderstood(text)
    wraps: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    names = []
    for part in (re.sub(r"^(?:both|either) ", "", part) for part in parts):
        name, more, said = _adjectives(part)
        if more and len(parts) > 1:
            raise NotUnderstood(text)  # of one name, or of all?
        wraps, told = wraps + more, told + said
        names.append(name)
    return Thing(tuple(dict.fromkeys(names)), either, wraps, told, superlative=superlative)


def _adjectives(text: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """The name, the calls that its adjectives are, and how they are said again."""
    words, wraps, said = text.split(), [], []
    while len(words) > 1 and " ".join([*words[:-1], singular(words[-1])]) not in _NAMES:
        first = words[0]
        if first in _SIZES:
            least, below = _SIZES[first]
            wraps += [f"larger({{}}, {least:g})"] if least else []
            wraps += [f"smaller({{}}, {below:g})"] if below else []
            said.append(f"of {_range(least, below)}")
        elif first in _SHAPES:
            wraps.append(f'shaped({{}}, "{_SHAPES[first]}")')
            said.append(f"of {_SHAPES[first]} shape")
        elif first in _COLOUR_WORDS and singular(words[-1]) not in _COLOURLESS:
            wraps.append(f'coloured({{}}, "{_COLOUR_WORDS[first]}")')
            said.append(f"that are {_COLOUR_WORDS[first]}")
        else:
            break
        words = words[1:]
    return _name(words), tuple(wraps), tuple(said)


def _range(least: float, below: float) -> str:
    if not below:
        return f"at least {least:g} m²"
    return f"{least:g} to {below:g} m²" if least else f"less than {below:g} m²"


def _name(words: list[str]) -> str:
    """A name of one to four words, none of them a function word, in the singular."""
    joined = " ".join(words)
    if not 1 <= len(words) <= _MOST_WORDS or not re.fullmatch(r"[a-z][a-z -]*[a-z]|[a-z]+", joined):
        raise NotUnderstood(joined)
    for word in words:
        if word in FUNCTION_WORDS or (len(word) < 2 and joined not in ("t junction", "t junctions")):
            raise NotUnderstood(joined)
    _check_order(words)
    words = [spelled(word) for word in words]
    joined = " ".join(words)
    name = " ".join([*words[:-1], singular(words[-1])])
    return SYNONYMS.get(joined, SYNONYMS.get(name, name)).replace("-of-", " of ")


def _check_order(words: list[str]) -> None:
    """NotUnderstood where words are a sentence and no name: "ships docked", "bridges span river", "road crossing lake"."""
    last = singular(words[-1])
    if len(words) == 1 and (last in _COLOUR_WORDS or not re.search("[aeiouy]", last)):
        raise NotUnderstood(last)
    if len(words) > 1 and re.search(r"(?:ed|ing)$", last) and last not in _NOUNS_IN_ING:
        raise NotUnderstood(last)
    for word in words[:-1]:
        if singular(word) != word and word not in _PLURAL_FIRST:
            raise NotUnderstood(word)
    for word in words[1:]:
        inner = word.endswith("ing") and word not in _NOUNS_IN_ING | _FIRST_IN_ING
        if word in VERBS or (inner and word != words[-1]):
            raise NotUnderstood(word)


Change = Callable[[Thing, re.Match[str]], Thing]


def _wrap(call: str, words: str) -> Change:
    """A modifier that names another thing (group `other`)."""

    def change(found: Thing, match: re.Match[str]) -> Thing:
        other = _simple(_another(match["other"], call))
        far = measure(match["far"], match["length"]) if "far" in match.groupdict() else NEAR_M
        filled = call.replace("OTHER", other.find()).replace("FAR", f"{far:g}")
        article = "an" if other.one[:1] in "aeiou" else "a"
        said = words.replace("a OTHER", f"{article} {other.one}").replace("OTHER", other.one).replace("FAR", f"{far:g}")
        return replace(found, wraps=(*found.wraps, filled), words=(*found.words, said))

    return change


def _another(text: str, call: str) -> str:
    """Another of the same: for words that leave a thing itself out."""
    if not text.startswith(("another ", "other ")):
        return text
    if not call.startswith(("near(", "beside(", "beyond(")):
        raise NotUnderstood(text)
    return text.partition(" ")[2]


def _between(found: Thing, match: re.Match[str]) -> Thing:
    one, two = _simple(match["first"]), _simple(match["other"])
    call = f"within({{}}, between({one.find()}, {two.find()}))"
    said = f"between the {one.name} and the {two.name}"
    return replace(found, wraps=(*found.wraps, call), words=(*found.words, said))


def _placed(found: Thing, match: re.Match[str]) -> Thing:
    name = part_name(match["part"])
    said = f"in the {name}"
    if found.region:
        raise NotUnderstood(match[0])
    return replace(found, region=f'part("{name}")', place=said)


def _coloured(found: Thing, match: re.Match[str]) -> Thing:
    colour = _COLOUR_WORDS[match["colour"]]
    return replace(
        found, wraps=(*found.wraps, f'coloured({{}}, "{colour}")'), words=(*found.words, f"that are {colour}")
    )


def _sized(call: str, words: str) -> Change:
    def change(found: Thing, match: re.Match[str]) -> Thing:
        size = measure(match["much"], match["unit"])
        said = f"{words} {match['much']} {match['unit']}"
        return replace(found, wraps=(*found.wraps, f"{call}({{}}, {size:g})"), words=(*found.words, said))

    return change


def _within_sizes(found: Thing, match: re.Match[str]) -> Thing:
    least = measure(match["from_"], match["unit1"] or match["unit"])
    below = measure(match["much"], match["unit"])
    return replace(
        found,
        wraps=(*found.wraps, f"smaller(larger({{}}, {least:g}), {below:g})"),
        words=(*found.words, f"of {least:g} to {below:g} m²"),
    )


def _dated(when: str) -> Change:
    def change(found: Thing, match: re.Match[str]) -> Thing:
        if found.when:
            raise NotUnderstood(match[0])
        return replace(found, when=when)

    return change


def _simple(text: str) -> Thing:
    """What a modifier refers to: adjectives and names alone."""
    return _core(re.sub(r"^(?:any |some |all |each |every |nearest |closest )+", "", _fixed(text.strip())))


_OTHER = r"(?P<other>.+?)(?= (?:STOP) |$)"
#: In the order in which they are tried
_RULES: tuple[tuple[str, Change], ...] = (
    (rf"{_LINK}(?:within|inside|in|less than|closer than|nearer than|no more than|at most|up to|not more than|under)(?: (?:radius|distance|range|reach|buffer) of)? {_DISTANCE}(?: (?:radius|distance|range|buffer))?(?: away)? (?:of|from|to|around) {_OTHER}",
     _wrap("near({}, OTHER, FAR)", "within FAR m of a OTHER")),
    (rf"{_LINK}(?:more than|farther than|further than|over|at least|beyond|greater than) {_DISTANCE}(?: away)? (?:from|of) {_OTHER}",
     _wrap("beyond({}, OTHER, FAR)", "more than FAR m from every OTHER")),
    (rf"{_LINK}{_DISTANCE} (?:from|of|around) {_OTHER}", _wrap("near({}, OTHER, FAR)", "within FAR m of a OTHER")),
    (rf"{_LINK}(?:nearest|closest)(?: to| from) {_OTHER}", _wrap("nearest({}, OTHER)", "nearest to a OTHER")),
    (rf"{_LINK}(?:right |directly |immediately )?(?:next to|beside|adjacent to|adjoining|alongside|along|bordering|touching|abutting|neighbou?ring|by) {_OTHER}",
     _wrap("beside({}, OTHER)", "next to a OTHER")),
    (rf"{_LINK}(?:near to|near|close to|nearby|close by|around|surrounding|in vicinity of|in neighbou?rhood of|in proximity of|in proximity to|not far from|at) {_OTHER}",
     _wrap("near({}, OTHER, FAR)", "within FAR m of a OTHER")),
    (rf"{_LINK}(?:in between|between|in middle of) (?P<first>.+?) and {_OTHER}", _between),
    (rf"{_LINK}(?:to |on |at |in )?(?:left|left side|left-hand side|west|western side)(?: of| from) {_OTHER}",
     _wrap('towards({}, "left", OTHER)', "left of a OTHER")),
    (rf"{_LINK}(?:to |on |at |in )?(?:right|right side|right-hand side|east|eastern side)(?: of| from) {_OTHER}",
     _wrap('towards({}, "right", OTHER)', "right of a OTHER")),
    (rf"{_LINK}(?:(?:to |on |at |in )?(?:top|north|northern side)(?: of| from)|above|north of) {_OTHER}",
     _wrap('towards({}, "above", OTHER)', "above a OTHER")),
    (rf"{_LINK}(?:(?:to |on |at |in )?(?:bottom|south|southern side)(?: of| from)|below|south of|underneath|beneath) {_OTHER}",
     _wrap('towards({}, "below", OTHER)', "below a OTHER")),
    (rf"{_LINK}(?:in|on|at|within|inside|to|from|of|towards|covering)(?: (?:far|extreme|very))? (?P<part>{_PART})(?=$| )(?! of (?!@))", _placed),
    (rf"{_LINK}{_HAVE}(?:of )?between (?P<from_>\d+(?:\.\d+)?)(?P<unit1>m²|km²|ha|acre|ft²)? and {_SIZE}", _within_sizes),
    (rf"{_LINK}{_HAVE}{_MORE} {_SIZE}(?: in (?:size|area))?", _sized("larger", "larger than")),
    (rf"{_LINK}{_HAVE}{_LESS} {_SIZE}(?: in (?:size|area))?", _sized("smaller", "smaller than")),
    (rf"(?:that|which) (?:is|are) (?P<colour>{'|'.join(_COLOUR_WORDS)})(?: in colou?r)?(?=$| )", _coloured),
    (rf"{_NOT}(?:within|less than|closer than) {_DISTANCE} (?:of|from|to) {_OTHER}",
     _wrap("beyond({}, OTHER, FAR)", "more than FAR m from every OTHER")),
    (rf"{_NOT}(?:near|close to|near to) {_OTHER}", _wrap("beyond({}, OTHER, FAR)", "more than FAR m from every OTHER")),
    (rf"{_LINK}(?:in |on |at )?@before", _dated("before")),
    (rf"{_LINK}(?:in |on |at )?@after", _dated("after")),
    (rf"{_LINK}(?:inside|in|on|within|on top of|over|lying on|surrounded by|enclosed by) {_OTHER}",
     _wrap("inside({}, OTHER)", "inside a OTHER")),
)  # fmt: skip
#: Where a modifier begins, and so a name ends
_STARTS = (
    r"(?:that|which|who) (?:is|are|lie|lies|have|has|can)|is|are|lie|lies|located|situated|lying|found|standing|parked|moored|docked|anchored|driving|sitting|growing|"
    r"within|inside|less than|closer than|nearer than|no more than|at most|up to|more than|farther than|further than|over|"
    r"at least|beyond|nearest to|closest to|next to|beside|adjacent|adjoining|alongside|along|bordering|touching|abutting|"
    r"neighbou?ring|by|right next to|directly next to|near|nearby|close to|close by|around|surrounding|not far from|at|in|on|to|from|between|left of|right of|above|"
    r"below|north of|south of|east of|west of|underneath|beneath|of|towards|with|having|have|has|whose|exceeds|exceed|cover|covers|measure|larger|bigger|greater|smaller|"
    r"under|exceeding|covering|measuring|\d+(?:\.\d+)?(?:m|km|ft|mile|yard) (?:from|of)|@before|@after|surrounded by|enclosed by|less|more"
)
_MODIFIER = re.compile(rf"(?<= )(?:{_STARTS})(?= )")
_TRIED = tuple((re.compile(pattern.replace("STOP", _STARTS)), change) for pattern, change in _RULES)


def _modified(found: Thing, text: str) -> Thing:
    """A thing with all modifiers of a text: the first reading that leaves no word over."""
    text = text.strip(" ,")
    if not text:
        return found
    for pattern, change in _TRIED:
        match = pattern.match(text)
        if match is None:
            continue
        try:
            return _modified(change(found, match), text[match.end() :])
        except NotUnderstood:
            continue
    raise NotUnderstood(text)
