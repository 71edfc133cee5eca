"""The prompt of `geoglot ask`, where questions are typed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from geoglot.errors import GeoglotError

if TYPE_CHECKING:
    from geoglot.tasks.ask.answer import Answer
    from geoglot.tasks.ask.ask import Asker

_HELP = "Type a question, or :show (the program), :evidence FILE (draw it), :history, :help, :quit."


def prompt(asker: Asker) -> Iterator[Answer]:
    """Answer each question that is typed, until the end of input; a line with a colon is a command."""
    click.echo(_HELP, err=True)
    past: list[Answer] = []
    while True:
        try:
            line = click.prompt("ask", prompt_suffix="> ", default="", show_default=False, err=True).strip()
        except click.Abort:
            return
        if line in (":quit", ":q", ":exit"):
            return
        if line.startswith(":"):
            click.echo(_reply_to_command(asker, past, line), err=True)
        elif line:
            past.append(asker.ask(line))
            yield past[-1]


def _reply_to_command(asker: Asker, past: Sequence[Answer], line: str) -> str:
    word, _, rest = line.partition(" ")
    if word == ":history":
        lines = [f"{index}  {answer.question}  {answer.text}" for index, answer in enumerate(past, 1)]
        return "\n".join(lines) or "nothing yet"
    if word not in (":show", ":evidence"):
        return _HELP
    if not past:
        return "ask something first"
    if word == ":show":
        return past[-1].program or "no program: the question was refused"
    try:
        written = asker.write_evidence(past[-1], Path(rest.strip() or "evidence.geojson"))
    except GeoglotError as error:
        return str(error)
    return "\n".join(map(str, written))
