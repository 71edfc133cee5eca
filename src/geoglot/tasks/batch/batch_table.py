"""The table of a batch: a row for each scene with what its door measured, for people, as CSV and in a report."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from geoglot.figures import choose_area_unit, format_area, format_number
from geoglot.tasks.batch.work import Outcome

_MOST = 8  # measures that a table for people has room for
_Row = dict[str, Any]
_DIGITS = 10
_MEASURED = ("m2", "share", "count", *(f"{what}_{of}" for what in ("gain", "loss") for of in ("m2", "pixels")))


def _of_map(document: Mapping[str, Any]) -> _Row:
    row = _Row()
    for each in document["classes"]:
        row |= {f"{each['name']}_m2": each["area_m2"], f"{each['name']}_share": each["share"]}
    return row


def _of_objects(document: Mapping[str, Any]) -> _Row:
    row = _Row()
    for name, count in document["counts"].items():
        row |= {f"{name}_count": count, f"{name}_m2": document["areas_m2"][name]}
    return row


def _of_change(document: Mapping[str, Any]) -> _Row:
    row = _Row()
    for each in document["classes"]:
        for what in ("gain", "loss"):
            row[f"{each['name']}_{what}_m2"] = each[f"{what}_m2"]
            row[f"{each['name']}_{what}_pixels"] = each[f"{what}_pixels"]
    return row


def _of_raster(document: Mapping[str, Any]) -> _Row:
    rows, cols = document["shape"]
    fits = _YES[document["fit"]["fits"]]
    shown = ",".join(map(str, document["shown"]))
    return {
        "columns": cols, "rows": rows, "bands": len(document["bands"]), "resolution_m": document["resolution_m"],
        "crs": document["crs"], "sensor": document["sensor"], "shown": shown, "fits": fits, "time": document["time"],
        "picture": document["picture"],
    }  # fmt: skip


def _of_labels(document: Mapping[str, Any]) -> _Row:
    """The commonest label with its mean probability, and of windows how many have each."""
    labels = document["results"]
    counts = Counter(each["label"] for each in labels)
    if not counts:
        return _Row()
    [(best, count)] = counts.most_common(1)
    own = [each for each in labels if each["label"] == best]
    present = None if own[0]["present"] is None else any(each["present"] for each in own)
    row = {"label": best, "probability": sum(each["probability"] for each in own) / count, "present": _YES[present]}
    if not any(each["window"] for each in labels):
        return row
    names = dict.fromkeys([*labels[0]["probabilities"], *counts])  # of very many classes the first has a part alone
    return row | {f"{name}_count": counts[name] for name in names}


def _of_answers(document: Mapping[str, Any]) -> _Row:
    row = _Row()
    for each in document["answers"]:
        value, question = each["value"], each["question"]
        told = _YES[value] if isinstance(value, bool) else value
        row[f"{question}_answer"] = (
            told if isinstance(told, str | None) else f"{format_number(told)} {each['unit'] or ''}".strip()
        )
        row |= {f"{question}_value": told, f"{question}_confidence": each["confidence"]}
    return row


#: What people call the measures with an ending
_CALLED = {"_m2": "area", "_share": "share", "_count": "count", "_pixels": "pixels", "_answer": "answer", "": ""}
_YES = {True: "yes", False: "no", None: None}
#: For each door, how its measures are read, and endings: a table shows the measures with the first that a scene has
_MEASURES: dict[str, tuple[Callable[[Mapping[str, Any]], _Row], tuple[str, ...]]] = {
    "segment": (_of_map, ("_m2", "_share")),
    "find": (_of_objects, ("_count", "_m2")),
    "change": (_of_change, ("_m2", "_pixels")),
    "inspect_raster": (_of_raster, ("",)),
    "classify": (_of_labels, ("",)),
    "ask": (_of_answers, ("_answer",)),
}


def measures(door: str, outcomes: Iterable[Outcome]) -> list[_Row]:
    """A row of measures for each outcome, empty where there is no result; without those that no scene has.

    A name that the pixels of a scene cannot show has no measures there: that none was found would be said of it.
    """
    rows = [_known(_MEASURES[door][0](each.document), each.document) if each.document else _Row() for each in outcomes]
    known = {key for row in rows for key, value in row.items() if value is not None}
    return [{key: value for key, value in row.items() if key in known} for row in rows]


def _known(row: _Row, document: Mapping[str, Any]) -> _Row:
    """A row without the measures of names that could not be seen."""
    hidden = {f"{name}_{what}" for name in _unseen(document) for what in _MEASURED}
    return {key: None if key in hidden else value for key, value in row.items()}


def _unseen(document: Mapping[str, Any]) -> Mapping[str, str]:
    """Why each name could not be seen, by name. In a document of `info`, "why" is a sentence on the choice of bands."""
    why = document.get("why")
    return why if isinstance(why, Mapping) else {}


def to_csv(door: str, outcomes: Sequence[Outcome]) -> str:
    """A table of all measures: areas in square metres, shares of 0..1, counts."""
    rows = measures(door, outcomes)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["scene", "source", "state", "reason", "output", *columns])
    for outcome, row in zip(outcomes, rows, strict=True):
        document = outcome.document or {}
        output = document.get("output") or document.get("outputs", {}).get("map", "")
        reason = outcome.reason or "; ".join(dict.fromkeys(_unseen(document).values()))
        said = [outcome.scene.name, ";".join(outcome.scene.sources), outcome.state, reason, output]
        writer.writerow([*said, *(_number(row.get(column)) for column in columns)])
    return text.getvalue()


def _number(value: float | int | str | None) -> str:
    return "" if value is None else value if isinstance(value, str) else f"{value:.{_DIGITS}g}"


def to_rows(door: str, outcomes: Sequence[Outcome]) -> tuple[list[tuple[str, ...]], int]:
    """The table for people, with its head, and how many measures it has no room for: the largest come first."""
    rows = measures(door, outcomes)
    keys = list(dict.fromkeys(key for row in rows for key in row))
    ending = next((end for end in _MEASURES[door][1] if any(key.endswith(end) for key in keys)), None)
    totals = dict[str, float]()
    for key in keys:
        if ending is not None and key.endswith(ending):
            totals[key] = sum(value for row in rows if not isinstance(value := row.get(key) or 0, str))
    largest = sorted(totals, key=lambda key: -totals[key])[:_MOST] if ending else keys[:_MOST]
    shown = [key for key in totals if key in largest]
    unit = choose_area_unit(value for row in rows for key, value in row.items() if key.endswith("_m2"))
    head = ("scene", *(key.removesuffix(ending or "").replace("_", " ") for key in shown), "state")
    body = [
        (each.scene.name, *(_text(row.get(key), ending or "", unit) for key in shown), each.state)
        for each, row in zip(outcomes, rows, strict=True)
    ]
    return [head, *body], len(totals) - len(shown)


def to_figures(outcome: Outcome, door: str) -> tuple[list[tuple[str, ...]], list[str]]:
    """All measures of one scene for people, under a head: a row for each name, and the names; empty if there are none.

    The measures of `info` are names themselves.
    """
    [row] = measures(door, [outcome])
    endings = [end for end in _MEASURES[door][1] if any(key.endswith(end) for key in row)]
    names = list(dict.fromkeys(key.removesuffix(end) for key in row for end in endings if key.endswith(end)))
    unit = choose_area_unit(value for key, value in row.items() if key.endswith("_m2"))
    body = [(name.replace("_", " "), *(_text(row.get(f"{name}{end}"), end, unit) for end in endings)) for name in names]
    return ([("", *(_CALLED[end] for end in endings)), *body] if body else []), names


def _text(value: float | int | str | None, ending: str, unit: str) -> str:
    if value is None or isinstance(value, str):
        return value or "-"
    if ending == "_m2":
        return format_area(value, unit)
    return f"{value:.1%}" if ending == "_share" else format_number(value)
