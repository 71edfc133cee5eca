"""What `geoglot ask` prints: each answer as soon as it is ready, then what was left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from geoglot.cli import report, shared

if TYPE_CHECKING:
    from pathlib import Path

    from geoglot.tasks.ask.answer import Answer
    from geoglot.tasks.ask.shortlist import Shortlist

_REFUSED = 1


@dataclass(frozen=True)
class Told:
    """The answers that were given, and what was left out."""

    answers: Sequence[Answer]
    shortlists: tuple[Shortlist, ...] = ()
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """Why scenes could not be read."""
    failed: int = 0
    """Windows that the model did not see."""

    @property
    def exit_code(self) -> int:
        """Of the command."""
        if self.failed or self.unreadable or any(short.failed or short.missed for short in self.shortlists):
            return shared.PARTLY
        refused = any(each.refused for each in self.answers) or any(each.refused for each in self.shortlists)
        return _REFUSED if refused else 0


def report_each(
    answers: Iterable[Answer], as_json: bool, *, alone: bool, show_program: bool, evidence: Path | None = None
) -> list[Answer]:
    """Print each answer as soon as it is ready, and return all answers."""
    reported = []
    for answer in answers:
        reported.append(answer)
        if as_json:
            continue
        click.echo(answer.text if alone else f"{answer.source}: {answer.text}")
        if answer.confidence is not None:
            click.echo(f"confidence {answer.confidence:.2f}: {answer.reason}")
        if show_program and answer.program:
            click.echo(answer.program)
        for note in shared.merge_notes(answer.notes, filter(None, (answer.source, answer.after))):
            if note.casefold() != answer.text.casefold():  # a refusal says it already
                click.echo(f"note  {note}")
        if evidence:
            click.echo(f"\nevidence  {evidence}\npicture   {evidence.with_suffix('.png')}")
    return reported


def report_all(told: Told, as_json: bool) -> None:
    """Print the JSON document, or last lines for people about scenes that were left out."""
    for reason in told.unreadable.values():
        click.echo(f"geoglot: {reason}", err=True)
    if as_json:
        documents = [answer.to_json() for answer in told.answers]
        several: dict[str, Any] = {"results": documents, "answers": documents}  # scripts of before read "answers"
        if told.unreadable:
            several["unreadable"] = dict(told.unreadable)
        if told.shortlists:
            several["narrowed"] = [shortlist.to_json() for shortlist in told.shortlists]
        document = documents[0] if len(documents) == 1 and len(several) == 2 else several
        report.emit(told.answers, document, True, "")
        return
    for short in told.shortlists:
        if short.left_out and not short.refused:
            total = len(short.asked) + len(short.left_out)
            click.echo(f"{len(short.asked)} of {total} scenes were asked {short.question!r}; --best asks more")
    report.emit(told.answers, {}, False, "")


def describe_shortlist(short: Shortlist) -> str:
    """Which scenes are asked a question, and why, for people."""
    start = f"geoglot: {short.question!r}"
    if short.refused:
        return f"{start} has no program, so none of {len(short.left_out)} scenes is asked: {short.refused}"
    if not short.names:
        return f"{start} looks for nothing by name, so all {len(short.asked)} scenes are asked"
    rows = [f"{start}: how well the overview of each scene fits {', '.join(short.names)}"]
    for what, candidates in (("asked", short.asked), ("left out", short.left_out)):
        rows += [
            f"  {what:8}  {'failed' if scene.score is None else f'{scene.score:7.3g}'}  {scene.source}"
            + (f": {scene.failed}" if scene.failed else "")
            + (f": not seen: {scene.missed}" if scene.missed else "")
            for scene in candidates
        ]
    return "\n".join(rows)
