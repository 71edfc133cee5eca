"""Noun phrases: what is asked about, where it lies, how large it is, and what it lies beside.

A phrase is a name, with adjectives before it, and any number of modifiers after it, all of which belong to the name:

    large buildings within 200m of river in north half      ->  find, in a part, of at least 500 m², near a river

Every word must be read. Where one is left over, the phrase is not understood (NotUnderstood), and nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from geoglot.tasks.ask.lexicon import AREAS, FUNCTION_WORDS, LENGTHS, SYNONYMS, VERBS, singular, spelled
from geoglot.tasks.ask.noun import NotUnderstood, Thing
from geoglot.tasks.ask.noun_words import (
    ACROSS,
    CHANGES,
    COLOUR_WORDS,
    COLOURLESS,
    COMPASS,
    DISTANCE,
    FIRST_IN_ING,
    FIXED,
    HAVE,
    LESS,
    LINK,
    MORE,
    MOST_WORDS,
    NAMES,
    NEAR_M,
    NOT,
    NOUNS_IN_ING,
    PART,
    PLURAL_FIRST,
    SHAPES,
    SIZE,
    SIZES,
    STARTS,
    SUPERLATIVES,
    VERTICAL,
)


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
    match = re.fullmatch(PART, text.strip())
    if match is None:
        raise NotUnderstood(text)
    if match["centre"]:
        kind = match["ckind"]
        return "middle third" if kind == "third" else "centre"
    given = [word for word in (match["one"], match["two"]) if word]
    downs = [VERTICAL[word] for word in given if word in VERTICAL]
    sides = [ACROSS[word] for word in given if word in ACROSS]
    if len(downs) > 1 or len(sides) > 1:
        raise NotUnderstood(text)
    compass = any(word.startswith(("north", "south", "east", "west")) for word in given)
    kind = match["kind"] or ""
    if downs and sides:
        if kind in ("half", "third"):
            raise NotUnderstood(text)
        words = [downs[0], sides[0]]
        name = "-".join(COMPASS[word] for word in words) if compass else " ".join(words)
        return f"{name} quarter"
    if kind in ("quarter", "quadrant", "corner"):
        raise NotUnderstood(text)
    word = (downs or sides)[0]
    return f"{COMPASS[word] if compass else word} {'third' if kind == 'third' else 'half'}"


def _without_scene(text: str) -> str:
    text = re.sub(r"(?<!\S)(?:in|on|of|within|inside|from|across|over|throughout|at|for) @(?!\w)", " ", text)
    text = re.sub(r"(?<=\S) (?:visible|present|shown|depicted)(?= |$)", "", text)
    text = re.sub(
        r"^(?:of |all |any |some |every |each |those |these |that |individual |different |single |other )+", "", text
    )
    return " ".join(text.split())


def _fixed(text: str) -> str:
    for words, name in FIXED.items():
        text = re.sub(rf"\b{words}\b", name, text)
    return text


def _nearest_first(text: str) -> str:
    """ "nearest school to river" as "school nearest to river"."""
    return re.sub(r"^(?:nearest|closest) (.+?) (?:to|from) (.+)$", r"\1 nearest to \2", text)


def _core(text: str) -> Thing:
    """Adjectives and names."""
    text = text.strip(" ,")
    superlative = ""
    for words, kind in SUPERLATIVES.items():
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
    while len(words) > 1 and " ".join([*words[:-1], singular(words[-1])]) not in NAMES:
        first = words[0]
        if first in SIZES:
            least, below = SIZES[first]
            wraps += [f"larger({{}}, {least:.12g})"] if least else []
            wraps += [f"smaller({{}}, {below:.12g})"] if below else []
            said.append(f"of {_range(least, below)}")
        elif first in SHAPES:
            wraps.append(f'shaped({{}}, "{SHAPES[first]}")')
            said.append(f"of {SHAPES[first]} shape")
        elif first in COLOUR_WORDS and singular(words[-1]) not in COLOURLESS:
            wraps.append(f'coloured({{}}, "{COLOUR_WORDS[first]}")')
            said.append(f"that are {COLOUR_WORDS[first]}")
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
    if not 1 <= len(words) <= MOST_WORDS or not re.fullmatch(r"[a-z][a-z -]*[a-z]|[a-z]+", joined):
        raise NotUnderstood(joined)
    for word in words:
        if (
            word in FUNCTION_WORDS
            or word.endswith("most")
            or (len(word) < 2 and joined not in ("t junction", "t junctions"))
        ):
            raise NotUnderstood(joined)
    _check_order(words)
    words = [spelled(word) for word in words]
    joined = " ".join(words)
    name = " ".join([*words[:-1], singular(words[-1])])
    return SYNONYMS.get(joined, SYNONYMS.get(name, name)).replace("-of-", " of ")


def _check_order(words: list[str]) -> None:
    """NotUnderstood where words are a sentence and no name: "ships docked", "bridges span river", "road crossing lake"."""
    last = singular(words[-1])
    if last in CHANGES:
        raise NotUnderstood(last)  # what happened to things, and none of them
    if len(words) == 1 and (last in COLOUR_WORDS or not re.search("[aeiouy]", last)):
        raise NotUnderstood(last)
    if len(words) > 1 and re.search(r"(?:ed|ing)$", last) and last not in NOUNS_IN_ING:
        raise NotUnderstood(last)
    for word in words[:-1]:
        if singular(word) != word and word not in PLURAL_FIRST:
            raise NotUnderstood(word)
    for word in words[1:]:
        inner = word.endswith("ing") and word not in NOUNS_IN_ING | FIRST_IN_ING
        if word in VERBS or (inner and word != words[-1]):
            raise NotUnderstood(word)


Change = Callable[[Thing, re.Match[str]], Thing]


def _wrap(call: str, words: str) -> Change:
    """A modifier that names another thing (group `other`)."""

    def change(found: Thing, match: re.Match[str]) -> Thing:
        other = _simple(_another(match["other"], call))
        if other.every and not call.startswith(("inside(", "beyond(")):
            raise NotUnderstood(match["other"])  # near both, or near one of them?
        far = measure(match["far"], match["length"]) if "far" in match.groupdict() else NEAR_M
        filled = call.replace("OTHER", other.find()).replace("FAR", f"{far:.12g}")
        article = "an" if other.one[:1] in "aeiou" else "a"
        said = (
            words.replace("a OTHER", f"{article} {other.one}").replace("OTHER", other.one).replace("FAR", f"{far:.12g}")
        )
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
    colour = COLOUR_WORDS[match["colour"]]
    return replace(
        found, wraps=(*found.wraps, f'coloured({{}}, "{colour}")'), words=(*found.words, f"that are {colour}")
    )


def _sized(call: str, words: str) -> Change:
    def change(found: Thing, match: re.Match[str]) -> Thing:
        size = measure(match["much"], match["unit"])
        said = f"{words} {match['much']} {match['unit']}"
        return replace(found, wraps=(*found.wraps, f"{call}({{}}, {size:.12g})"), words=(*found.words, said))

    return change


def _within_sizes(found: Thing, match: re.Match[str]) -> Thing:
    least = measure(match["from_"], match["unit1"] or match["unit"])
    below = measure(match["much"], match["unit"])
    return replace(
        found,
        wraps=(*found.wraps, f"smaller(larger({{}}, {least:.12g}), {below:.12g})"),
        words=(*found.words, f"of {least:.12g} to {below:.12g} m²"),
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
    (rf"{LINK}(?:within|inside|in|less than|closer than|nearer than|no more than|at most|up to|not more than|under)(?: (?:radius|distance|range|reach|buffer) of)? {DISTANCE}(?: (?:radius|distance|range|buffer))?(?: away)? (?:of|from|to|around) {_OTHER}",
     _wrap("near({}, OTHER, FAR)", "within FAR m of a OTHER")),
    (rf"{LINK}(?:more than|farther than|further than|over|at least|beyond|greater than) {DISTANCE}(?: away)? (?:from|of) {_OTHER}",
     _wrap("beyond({}, OTHER, FAR)", "more than FAR m from every OTHER")),
    (rf"{LINK}{DISTANCE} (?:from|of|around) {_OTHER}", _wrap("near({}, OTHER, FAR)", "within FAR m of a OTHER")),
    (rf"{LINK}(?:nearest|closest)(?: to| from) {_OTHER}", _wrap("nearest({}, OTHER)", "nearest to a OTHER")),
    (rf"{LINK}(?:right |directly |immediately )?(?:next to|beside|adjacent to|adjoining|alongside|along|bordering|touching|abutting|neighbou?ring|by) {_OTHER}",
     _wrap("beside({}, OTHER)", "next to a OTHER")),
    (rf"{LINK}(?:near to|near|close to|nearby|close by|around|surrounding|in vicinity of|in neighbou?rhood of|in proximity of|in proximity to|not far from|at) {_OTHER}",
     _wrap("near({}, OTHER, FAR)", "within FAR m of a OTHER")),
    (rf"{LINK}(?:in between|between|in middle of) (?P<first>.+?) and {_OTHER}", _between),
    (rf"{LINK}(?:to |on |at |in )?(?:left|left side|left-hand side|west|western side)(?: of| from) {_OTHER}",
     _wrap('towards({}, "left", OTHER)', "left of a OTHER")),
    (rf"{LINK}(?:to |on |at |in )?(?:right|right side|right-hand side|east|eastern side)(?: of| from) {_OTHER}",
     _wrap('towards({}, "right", OTHER)', "right of a OTHER")),
    (rf"{LINK}(?:(?:to |on |at |in )?(?:top|north|northern side)(?: of| from)|above|north of) {_OTHER}",
     _wrap('towards({}, "above", OTHER)', "above a OTHER")),
    (rf"{LINK}(?:(?:to |on |at |in )?(?:bottom|south|southern side)(?: of| from)|below|south of|underneath|beneath) {_OTHER}",
     _wrap('towards({}, "below", OTHER)', "below a OTHER")),
    (rf"{LINK}(?:in|on|at|within|inside|to|from|of|towards|covering)(?: (?:far|extreme|very))? (?P<part>{PART})(?=$| )(?! of (?!@))", _placed),
    (rf"{LINK}{HAVE}(?:of )?between (?P<from_>\d+(?:\.\d+)?)(?P<unit1>m²|km²|ha|acre|ft²)? and {SIZE}", _within_sizes),
    (rf"{LINK}{HAVE}{MORE} {SIZE}(?: in (?:size|area))?", _sized("larger", "larger than")),
    (rf"{LINK}{HAVE}{LESS} {SIZE}(?: in (?:size|area))?", _sized("smaller", "smaller than")),
    (rf"(?:that|which) (?:is|are) (?P<colour>{'|'.join(COLOUR_WORDS)})(?: in colou?r)?(?=$| )", _coloured),
    (rf"{NOT}(?:within|less than|closer than) {DISTANCE} (?:of|from|to) {_OTHER}",
     _wrap("beyond({}, OTHER, FAR)", "more than FAR m from every OTHER")),
    (rf"{NOT}(?:near|close to|near to) {_OTHER}", _wrap("beyond({}, OTHER, FAR)", "more than FAR m from every OTHER")),
    (rf"{LINK}(?:in |on |at )?@before", _dated("before")),
    (rf"{LINK}(?:in |on |at )?@after", _dated("after")),
    (rf"{LINK}(?:inside|in|on|within|on top of|over|lying on|surrounded by|enclosed by) {_OTHER}",
     _wrap("inside({}, OTHER)", "inside a OTHER")),
)  # fmt: skip
_MODIFIER = re.compile(rf"(?<= )(?:{STARTS})(?= )")
_TRIED = tuple((re.compile(pattern.replace("STOP", STARTS)), change) for pattern, change in _RULES)


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
