"""English names of things: synonyms, singulars and plurals."""

import re
from collections.abc import Iterator

_JOINTS = re.compile(r" and | or |[,/&+;]")
_REST = re.compile(
    r" ?\(.*| (?:with|without|in|inside|on|near|at|along|beside|from|for|to|under|by|around|between|next to) .*"
)
#: True synonyms, and the name that is searched for them
SYNONYMS = {
    "plane": "airplane", "aeroplane": "airplane", "aircraft": "airplane", "airliner": "airplane", "jet": "airplane",
    "automobile": "car", "auto": "car", "vessel": "ship", "lorry": "truck", "harbour": "harbor", "home": "house",
    "car park": "parking lot", "parking area": "parking lot", "parking place": "parking lot",
    "carpark": "parking lot", "lot for parking": "parking lot", "pool": "swimming pool", "oil tank": "storage tank",
    "fuel tank": "storage tank", "tank": "storage tank", "storage silo": "storage tank",
    "athletics track": "ground track field", "running track": "ground track field",
    "track field": "ground track field", "track and field ground": "ground track field",
    "crossroads": "crossroad", "cross road": "crossroad", "t-junction": "t junction", "tee junction": "t junction",
    "t shaped junction": "t junction", "soccer pitch": "soccer field", "football pitch": "soccer field",
    "soccer ball field": "soccer field", "woods": "forest", "woodland": "forest", "wood": "forest",
    "body of water": "water", "water body": "water", "waterbody": "water", "water area": "water",
    "area of water": "water", "water surface": "water", "open water": "water", "baseball field": "baseball diamond",
    "baseball pitch": "baseball diamond", "edifice": "building", "farm land": "farmland", "grass area": "grass",
    "grassy area": "grass", "grassland area": "grassland", "traffic circle": "roundabout",
    "forested area": "forest", "forest area": "forest", "wooded area": "forest", "urban zone": "urban area",
    "town area": "urban area", "built up area": "built-up area", "farming land": "farmland",
    "agricultural land": "farmland", "building area": "building", "tennis field": "tennis court",
    "parking": "parking lot", "forested": "forest", "wooded": "forest", "vegetated": "vegetation",
    "grassy": "grass", "agricultural": "farmland", "agriculture": "farmland", "paved": "paved area",
    "residential": "residential area", "industrial": "industrial area",
    "commercial": "commercial area", "urban": "urban area", "rural": "rural area",
}  # fmt: skip

_IRREGULAR = {
    "men": "man", "women": "woman", "children": "child", "geese": "goose", "leaves": "leaf", "buses": "bus",
    "premises": "premises", "headquarters": "headquarters", "woods": "woods", "canvas": "canvas", "series":
    "series", "barracks": "barracks", "works": "works", "axes": "axis", "potatoes": "potato", "caches": "cache",
    "lenses": "lens",
}  # fmt: skip
#: Nouns that are measured, not counted
UNCOUNTABLE = {
    "grass", "water", "forest", "vegetation", "sand", "snow", "ice", "farmland", "land", "soil", "woods", "grassland",
    "cropland",
}  # fmt: skip


def singular(word: str) -> str:
    """The singular of an English noun; a singular stays as it is."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes", "zzes")):
        return word[:-2]
    return word[:-1]


def uncountable(name: str) -> bool:
    """True for a name that is measured, not counted: forest, water."""
    return name.rpartition(" ")[2] in UNCOUNTABLE


def plural(name: str) -> str:
    """The plural of a name, or of names joined by "and" or "or"; an uncountable name stays as it is."""
    for joint in (" and ", " or "):
        if joint in name:
            return joint.join(map(plural, name.split(joint)))
    head, _, word = name.rpartition(" ")
    if word in UNCOUNTABLE or word == "people":
        return name
    if re.search(r"[^aeiou]y$", word):
        word = word[:-1] + "ies"
    elif word.endswith(("s", "x", "ch", "sh", "z")):
        word += "es"
    else:
        word += "s"
    return f"{head} {word}".strip()


def with_article(name: str) -> str:
    """A name with a or an; a name without a plural has none."""
    if plural(name) == name:
        return name
    return f"{'an' if name[0] in 'aeiou' and not name.startswith(('uni', 'eu')) else 'a'} {name}"


def counted(number: int, name: str) -> str:
    """A number of things in words: no ship, 1 ship, 3 ships, 3 areas of water."""
    if uncountable(name) and number:
        return f"{counted(number, 'area')} of {name}"
    if number == 1 or number == 0:
        return f"{number or 'no'} {name}"
    return f"{number:,} {plural(name)}"


def plain_name(text: str) -> str:
    """A name in small letters, with single spaces in place of hyphens and underscores."""
    return " ".join(re.sub("[-_]", " ", text.lower()).split())


def heads_of(plain: str) -> list[Iterator[str]]:
    """For each noun of a plain name, what to look up, the most exact first: "red cars", "red car", "cars", "car".

    Of "a row of houses" the first noun comes first; what follows a preposition is left out.
    """
    parts = (_REST.sub("", part.strip(" .!?'\"")).split(" of ") for part in _JOINTS.split(plain))
    return [(head for noun in nouns for head in _heads(noun.split())) for nouns in parts]


def _heads(words: list[str]) -> Iterator[str]:
    """A noun as it is and in the singular, with all its modifiers, then with fewer."""
    for first in range(len(words)):
        yield " ".join(words[first:])
        yield " ".join([*words[first:-1], singular(words[-1])])
