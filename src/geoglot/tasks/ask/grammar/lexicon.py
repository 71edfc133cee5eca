"""Words as data: themes, colours, numbers, units, synonyms and plurals."""

import re

#: Classes of whole scenes: those of AID and RSICD, and the ones that UCM and Sydney add
THEMES = (
    "airport", "bare land", "baseball field", "beach", "bridge", "church", "commercial area", "dense residential area",
    "desert", "farmland", "forest", "golf course", "harbor", "industrial area", "intersection", "meadow", "mountain",
    "overpass", "park", "parking lot", "playground", "pond", "railway station", "residential area", "resort", "river",
    "school", "sea", "sports stadium", "square", "storage tanks", "viaduct",
)  # fmt: skip
COLOURS: dict[str, tuple[float, float, float]] = {
    "black": (0.08, 0.08, 0.08), "grey": (0.5, 0.5, 0.5), "white": (0.95, 0.95, 0.95), "red": (0.75, 0.15, 0.12),
    "orange": (0.9, 0.5, 0.15), "brown": (0.45, 0.3, 0.18), "yellow": (0.88, 0.82, 0.25), "green": (0.2, 0.45, 0.2),
    "blue": (0.15, 0.3, 0.7), "purple": (0.5, 0.25, 0.55), "pink": (0.9, 0.55, 0.65), "beige": (0.8, 0.72, 0.55),
}  # fmt: skip

_UNITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
          "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
NUMBERS: dict[str, int] = {word: value for value, word in enumerate(_UNITS)} | {
    word: 10 * value for value, word in enumerate(_TENS, 2)
}
SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}
MULTIPLES = {"dozen": 12, "couple": 2}

#: Units of length in metres
LENGTHS = {"m": 1.0, "km": 1e3, "ft": 0.3048, "mile": 1609.344, "yard": 0.9144}
#: Units of area in square metres
AREAS = {"m²": 1.0, "km²": 1e6, "ha": 1e4, "acre": 4046.8564224, "mi²": 2589988.110336, "ft²": 0.09290304}
UNIT_WORDS = (
    (r"(?:square|sq\.?) ?(?:kilometers|kilometres|kilometer|kilometre|km)|km ?(?:\^ ?)?2|km²|sq ?km", "km²"),
    (r"(?:square|sq\.?) ?(?:meters|metres|meter|metre|m)|m ?(?:\^ ?)?2|m²|sq ?m|sqm", "m²"),
    (r"(?:square|sq\.?) ?(?:miles|mile|mi)|mi ?2|mi²", "mi²"),
    (r"(?:square|sq\.?) ?(?:feet|foot|ft)|ft ?2|ft²", "ft²"),
    (r"hectares|hectare|ha", "ha"),
    (r"acres|acre", "acre"),
    (r"kilometers|kilometres|kilometer|kilometre|kms|km", "km"),
    (r"meters|metres|meter|metre|mtrs|m", "m"),
    (r"feet|foot|ft", "ft"),
    (r"miles|mile", "mile"),
    (r"yards|yard", "yard"),
    (r"percents|percent|per cent|pct|%", "%"),
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


def counted(number: int, name: str) -> str:
    """A number of things in words: no ship, 1 ship, 3 ships, 3 areas of water."""
    if uncountable(name) and number:
        return f"{counted(number, 'area')} of {name}"
    if number == 1 or number == 0:
        return f"{number or 'no'} {name}"
    return f"{number:,} {plural(name)}"
