"""The card of a run: what the teacher found, what was thrown away, and how sure it was; for people and for programs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from geoglot.outputs.atomic import write_bytes
from geoglot.training.words.surest import Surest

CARD, FACTS = "taught.md", "taught.json"
_RARE = 0.002  # share of the ground below which a class is hardly there


def round_facts(number: int, surest: Surest, voters: int, figures: dict[str, Any]) -> dict[str, Any]:
    """One round as a JSON value: `voters` are the checkpoints that voted beside the teacher."""
    return {"round": number, "voters": voters, "classes": surest.to_json(), "figures": figures}


def write_card(folder: Path, facts: dict[str, Any]) -> None:
    """Write both files of a run; the JSON file last, since it says that the run is complete."""
    write_bytes(folder / CARD, _text(facts).encode())
    write_bytes(folder / FACTS, (json.dumps(facts, indent=2, ensure_ascii=False) + "\n").encode())


def describe(surest: Surest) -> list[str]:
    """A line a class: how much was found, how much many looks agree about, what is kept."""
    width = max(len("class"), *(len(entry.name) for entry in surest.classes))
    head = f"{'class':<{width}}  found  agreed    kept  ignored  least margin"
    rows = [
        f"{entry.name:<{width}}  {entry.found:5.1%}  {entry.agreed:6.1%}  {entry.kept:6.1%}  {1 - entry.kept:7.1%}"
        f"  {entry.margin:12.3f}"
        for entry in surest.classes
    ]
    return [head, *rows]


def doubts(surest: Surest) -> tuple[str, ...]:
    """Sentences about classes that the student can hardly learn."""
    notes = []
    for entry in surest.classes:
        if not entry.found:
            notes.append(f"the teacher found no {entry.name} at all, so the student cannot learn it")
        elif entry.found * entry.kept < _RARE:
            notes.append(
                f"only {entry.found * entry.kept:.2%} of the ground counts as {entry.name}; the student sees little of "
                "it: give more scenes that show it, or another word"
            )
        elif entry.agreed < 0.5:
            notes.append(
                f"most looks at {entry.name} disagree: only {entry.agreed:.0%} of what was found is certain; "
                "try other words for it"
            )
    return tuple(notes)


def _text(facts: dict[str, Any]) -> str:
    """The card for people."""
    lines = [
        f"# {facts['name']}",
        "",
        f"A {facts['architecture']} student, {facts['parameters'] / 1e6:.1f} million parameters, bands "
        f"{', '.join(facts['bands'])}. Taught by {facts['teacher']} and words, without annotation, on "
        f"{len(facts['scenes'])} scenes.",
        "",
    ]
    for part in facts["rounds"]:
        beside = f"the teacher and {part['voters']} checkpoints vote" if part["voters"] else "the teacher alone votes"
        lines += [f"## Round {part['round']}: {beside}", "", *_rows(part["classes"]), "", _agreement(part), ""]
    notes = [f"- {note}" for note in facts["notes"]]
    return "\n".join([*lines, *(["## Notes", "", *notes, ""] if notes else [])])


def _rows(classes: Sequence[dict[str, Any]]) -> list[str]:
    head = ["| class | found | agreed of it | kept | ignored | least margin kept |", "|---|---|---|---|---|---|"]
    return head + [
        f"| {each['name']} | {each['found']:.1%} | {each['agreed']:.1%} | {each['kept']:.1%} | {1 - each['kept']:.1%} "
        f"| {each['margin']:.3f} |"
        for each in classes
    ]


def _agreement(part: dict[str, Any]) -> str:
    agreement = part["figures"].get("agreement")
    if agreement is None:
        return "No ground was held out, so the last weights were kept."
    return (
        f"On ground that training did not see, the student agrees with what counts of the votes by a mIoU of "
        f"{agreement:.3f}. That is no accuracy: nobody has labelled these scenes."
    )
