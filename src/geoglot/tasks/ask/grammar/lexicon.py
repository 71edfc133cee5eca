"""Words as data: themes, colours, numbers and units."""

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
