"""Parts of a scene: their names in words of pictures and of maps, their boxes, and how a question names them."""

import re
from itertools import product

from geoglot.tasks.ask.grammar.noun import NotUnderstood

_VERTICAL = {"north": "upper", "northern": "upper", "top": "upper", "upper": "upper", "south": "lower",
             "southern": "lower", "bottom": "lower", "lower": "lower"}  # fmt: skip
_ACROSS = {"west": "left", "western": "left", "left": "left", "left-hand": "left", "lefthand": "left", "east": "right",
           "eastern": "right", "right": "right", "right-hand": "right", "righthand": "right"}  # fmt: skip
_COMPASS = {"upper": "north", "lower": "south", "left": "west", "right": "east"}
_DIRECTION = "|".join(sorted([*_VERTICAL, *_ACROSS], key=len, reverse=True))
_KIND = "quarter|quadrant|corner|half|third|part|side|area|section|portion|region|end|edge|zone"
#: The regular expression of a part in a question: "upper-left corner of @"
PART = (
    rf"(?:(?P<one>{_DIRECTION})(?:[ -]?(?P<two>{_DIRECTION}))?(?:-?most)?(?: (?P<kind>{_KIND}))?"
    rf"|(?P<centre>centre-most|centermost|centre|center|middle|central)(?: (?P<ckind>{_KIND}))?)(?: (?:of|in) @)?"
)
#: The nine ninths, from the upper left, on a map and in a picture
DIRECTIONS = {
    "map": (
        ("north-west", "north", "north-east"), ("west", "centre", "east"), ("south-west", "south", "south-east"),
    ),
    "picture": (
        ("upper left", "top", "upper right"), ("left", "centre", "right"), ("lower left", "bottom", "lower right"),
    ),
}  # fmt: skip


def _boxes() -> dict[str, tuple[float, float, float, float]]:
    boxes = {"centre": (0.25, 0.25, 0.75, 0.75), "middle third": (1 / 3, 0.0, 2 / 3, 1.0)}
    boxes["centre third"] = (0.0, 1 / 3, 1.0, 2 / 3)
    for side, (kind, first, last) in product(_COMPASS, (("half", 0.5, 0.5), ("third", 1 / 3, 2 / 3))):
        start, end = (0.0, first) if side in ("upper", "left") else (last, 1.0)
        box = (start, 0.0, end, 1.0) if side in ("upper", "lower") else (0.0, start, 1.0, end)
        boxes[f"{side} {kind}"] = boxes[f"{_COMPASS[side]} {kind}"] = box
    for row, col in product(("upper", "lower"), ("left", "right")):
        box = boxes[f"{row} half"][0], boxes[f"{col} half"][1], boxes[f"{row} half"][2], boxes[f"{col} half"][3]
        boxes[f"{row} {col} quarter"] = boxes[f"{_COMPASS[row]}-{_COMPASS[col]} quarter"] = box
    return boxes


#: (top, left, bottom, right) as shares of the scene, by name
PARTS = _boxes()


def part_name(text: str) -> str:
    """The name of a part in PARTS: "upper left" is "upper left quarter"; NotUnderstood for another text."""
    match = re.fullmatch(PART, text.strip())
    if match is None:
        raise NotUnderstood(text)
    if match["centre"]:
        return "middle third" if match["ckind"] == "third" else "centre"
    directions, kind = [word for word in (match["one"], match["two"]) if word], match["kind"]
    downs = [_VERTICAL[word] for word in directions if word in _VERTICAL]
    sides = [_ACROSS[word] for word in directions if word in _ACROSS]
    compass = directions[0].startswith(("north", "south", "east", "west"))
    if downs and sides and kind not in ("half", "third"):
        row, col = downs[0], sides[0]
        return f"{_COMPASS[row]}-{_COMPASS[col]} quarter" if compass else f"{row} {col} quarter"
    if len(directions) > 1 or kind in ("quarter", "quadrant", "corner"):
        raise NotUnderstood(text)
    (word,) = downs + sides
    return f"{_COMPASS[word] if compass else word} {'third' if kind == 'third' else 'half'}"
