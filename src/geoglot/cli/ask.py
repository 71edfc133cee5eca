"""geoglot ask: questions about a scene in words, with the program and the evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geoglot.cli import options
from geoglot.cli.reading import fields, read_options, reading
from geoglot.cli.refining import chosen_refiner, refining

if TYPE_CHECKING:
    from geoglot.aliases import Progress
    from geoglot.tasks.ask.answer import Answer
    from geoglot.tasks.ask.ask import Asker
    from geoglot.tasks.ask.plan import Planner
    from geoglot.tasks.ask.shortlist import Shortlist

_HELP = """Type a question, or :show (the program), :evidence FILE (draw it), :history, :help, :quit."""
_REFUSED = 1


@click.command()
@click.argument("arguments", nargs=-1, required=True, metavar="SRC... [QUESTION]...")
@click.option("--after", help="The same place on a later date, for questions about change.")
@click.option(
    "--planner",
    type=click.Choice(["rules", "llm"]),
    default="rules",
    show_default=True,
    help="What reads the question.",
)
@click.option(
    "--llm-url", help="Base URL of an OpenAI-compatible server. Default: GEOGLOT_LLM_URL; the key is GEOGLOT_LLM_KEY."
)
@click.option(
    "--llm-model",
    help="Model of that server, or a folder or .gguf file on this disk. Default: GEOGLOT_LLM_MODEL.",
)
@click.option("--show-program", is_flag=True, help="Print the program that gave the answer.")
@click.option(
    "--evidence", type=click.Path(path_type=Path), help="Write the evidence to this .geojson, and a .png beside it."
)
@click.option("--replay", type=click.Path(path_type=Path), help="Run the program of a --json document again.")
@click.option("--min-score", type=click.FloatRange(0, 1, min_open=True, max_open=True), help="As for geoglot find.")
@click.option(
    "--best",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Ask at most this many scenes, those that fit best.",
)
@reading
@refining
@options.model
@options.device
@options.batch
@options.gsd
@options.overwrite
@options.as_json
@options.quiet
@options.verbose
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Ask about SRC: rasters, pictures, or folders of them. Without a QUESTION a prompt opens.

    Every answer says how sure it is and why. The rules read the usual questions and refuse the others; a language
    model (--planner llm) reads more, and its programs run in a sandbox. A scene is encoded once for all questions. Of
    more scenes than --best, those are asked whose overviews fit the names in the question best; the others are listed
    with their scores. Exit code 1: at least one question got no answer.

    Example: geoglot ask harbour.tif "How many ships are there in the upper left quarter?" --evidence ships.geojson
    """
    from geoglot.tasks.ask.ask import Asker
    from geoglot.tasks.ask.ask_many import ask_many
    from geoglot.tasks.ask.ask_options import AskOptions
    from geoglot.tasks.ask.evidence import check_evidence
    from geoglot.tasks.find.find_options import FindOptions
    from geoglot.tasks.segment.segment import load_mapper

    sources, questions = _sort_arguments(given["arguments"], given)
    if given["evidence"] is not None:
        check_evidence(given["evidence"])
    find = FindOptions(min_score=given["min_score"], overlay=False, **fields(given))
    shortlists: tuple[Shortlist, ...] = ()
    with options.progress() as progress:
        planner = _planner(given, progress)
        how: dict[str, Any] = {
            "model": load_mapper(given["model"], device=given["device"], precision="auto"),
            "read": read_options(given),
            "options": AskOptions(find, planner=planner, overwrite=given["overwrite"], best=given["best"]),
            "refiner": chosen_refiner(given),
            "progress": progress,
        }
        if len(sources) > 1:
            many = ask_many(sources, questions, **how)
            shortlists = many.shortlists
            for one in shortlists:
                click.echo(_describe_shortlist(one), err=True)
            answers, failed = _report_each(many, given, alone=False), many.failed
        else:
            with Asker.open(sources[0], given["after"], **how) as asker:
                answers, failed = _report_each(_ask_one(asker, questions, given), given, alone=True), asker.failed
    _report_all(answers, shortlists, given["as_json"])
    if failed or any(one.failed or one.missed for one in shortlists):
        ctx.exit(options.PARTLY)
    if any(answer.refused for answer in answers) or any(one.refused for one in shortlists):
        ctx.exit(_REFUSED)


def _sort_arguments(arguments: Sequence[str], given: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Sources and questions: files and folders that exist come first, and the rest are questions."""
    from geoglot.errors import InputError
    from geoglot.sources.listing import find_images
    from geoglot.tasks.ask.scenes import is_path

    paths = [text for text in arguments if is_path(text)]
    questions = [text for text in arguments if not is_path(text)]
    if not paths:
        raise InputError(f"there is no file or folder {arguments[0]}; the scene comes first, then the question")
    if list(arguments) != [*paths, *questions] or any(" " not in text and "." in text for text in questions):
        raise InputError(f"there is no such file, and a question comes after the scenes: {questions[0]!r}")
    sources = find_images(paths)
    if given["replay"] and (questions or len(sources) > 1):
        raise InputError("--replay brings its own question, for one scene")
    if len(sources) > 1 and (not questions or given["after"] or given["evidence"]):
        raise InputError("several scenes are asked the same questions: give one, without --after and --evidence")
    if given["evidence"] and len(questions) > 1:
        raise InputError("--evidence is for one question; in the prompt write :evidence FILE")
    if given["as_json"] and not questions and not given["replay"]:
        raise InputError("--json needs a question")
    return sources, questions


def _planner(given: dict[str, Any], progress: Progress) -> Planner | None:
    if given["planner"] == "rules":
        return None
    from geoglot.tasks.ask.chat import chat_of
    from geoglot.tasks.ask.llm import LanguageModel

    return LanguageModel(chat_of(given["llm_url"], given["llm_model"], device=given["device"], progress=progress))


def _ask_one(asker: Asker, questions: Sequence[str], given: dict[str, Any]) -> Iterator[Answer]:
    """The answers about one scene: a replay, the questions, or what is typed in the prompt."""
    if given["replay"]:
        answer = asker.replay(_read_document(given["replay"]))
        if given["evidence"] is not None:
            asker.write_evidence(answer, given["evidence"], given["overwrite"])
        yield answer
    elif questions:
        for question in questions:
            yield asker.ask(question, evidence=given["evidence"])
    else:
        given["evidence"] = None  # in the prompt it is written on request
        yield from _prompt(asker)


def _read_document(path: Path) -> Any:
    import json

    from geoglot.errors import InputError, SourceError
    from geoglot.tables import read_text

    try:
        return json.loads(read_text(path).body)
    except (SourceError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is no document of `geoglot ask --json`: {error}") from error


def _prompt(asker: Asker) -> Iterator[Answer]:
    """Answer questions as they are typed, until the end of input; lines with a colon are about the last answer."""
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
    from geoglot.errors import GeoglotError

    word, _, rest = line.partition(" ")
    if word == ":history":
        return "\n".join(f"{index}  {one.question}  {one.text}" for index, one in enumerate(past, 1)) or "nothing yet"
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


def _report_each(answers: Iterable[Answer], given: dict[str, Any], *, alone: bool) -> list[Answer]:
    """Print each answer as soon as it is there, and return all of them."""
    reported = []
    for answer in answers:
        reported.append(answer)
        if not given["as_json"]:
            click.echo(describe(answer, given["show_program"], alone=alone))
            if path := given["evidence"]:
                click.echo(f"\nevidence  {path}\npicture   {path.with_suffix('.png')}")
    return reported


def _report_all(answers: Sequence[Answer], shortlists: Sequence[Shortlist], as_json: bool) -> None:
    """Print the document for programs, or for people a last word about scenes that were left out."""
    if as_json:
        documents = [answer.to_json() for answer in answers]
        several = {"answers": documents} | ({"narrowed": [one.to_json() for one in shortlists]} if shortlists else {})
        options.emit(documents[0] if len(documents) == 1 and not shortlists else several, True, "")
        return
    for one in shortlists:
        if one.left_out and not one.refused:
            total = len(one.asked) + len(one.left_out)
            click.echo(f"{len(one.asked)} of {total} scenes were asked {one.question!r}; --best asks more")


def _describe_shortlist(one: Shortlist) -> str:
    if one.refused:
        return (
            f"geoglot: {one.question!r} has no program, so none of {len(one.left_out)} scenes is asked: {one.refused}"
        )
    if not one.names:
        return f"geoglot: {one.question!r} looks for nothing by name, so all {len(one.asked)} scenes are asked"
    rows = [f"geoglot: {one.question!r}: how well the overview of each scene fits {', '.join(one.names)}"]
    for what, candidates in (("asked", one.asked), ("left out", one.left_out)):
        rows += [
            f"  {what:8}  {'failed' if scene.score is None else f'{scene.score:7.3g}'}  {scene.source}"
            + (f": {scene.failed}" if scene.failed else "")
            + (f": not seen: {scene.missed}" if scene.missed else "")
            for scene in candidates
        ]
    return "\n".join(rows)


def describe(answer: Answer, program: bool, *, alone: bool = True) -> str:
    """An answer for people."""
    lines = [answer.text if alone else f"{answer.source}: {answer.text}"]
    if answer.confidence is not None:
        lines.append(f"confidence {answer.confidence:.2f}: {answer.reason}")
    if program and answer.program:
        lines.append(answer.program)
    lines += [f"note  {note}" for note in answer.notes]
    return "\n".join(lines)
