"""Parts of a scene: their names in words of pictures and of maps, their boxes, and how a question names them."""

from __future__ import annotations

import re

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
    halves = {"upper": (0.0, 0.5), "lower": (0.5, 1.0), "left": (0.0, 0.5), "right": (0.5, 1.0)}
    thirds = {"upper": (0.0, 1 / 3), "lower": (2 / 3, 1.0), "left": (0.0, 1 / 3), "right": (2 / 3, 1.0)}
    for row in ("upper", "lower"):
        for kind, spans in (("half", halves), ("third", thirds)):
            boxes[f"{row} {kind}"] = boxes[f"{_COMPASS[row]} {kind}"] = (spans[row][0], 0.0, spans[row][1], 1.0)
    for col in ("left", "right"):
        for kind, spans in (("half", halves), ("third", thirds)):
            boxes[f"{col} {kind}"] = boxes[f"{_COMPASS[col]} {kind}"] = (0.0, spans[col][0], 1.0, spans[col][1])
        for row in ("upper", "lower"):
            box = halves[row][0], halves[col][0], halves[row][1], halves[col][1]
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
