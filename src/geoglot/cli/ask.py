"""geoglot ask: questions about a scene in words, with the program and the evidence."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import click

from geoglot.cli import shared
from geoglot.cli.ask_evidence import evidence_flag, sort_evidence
from geoglot.cli.flags import flags
from geoglot.cli.progress import progress
from geoglot.errors import InputError, SourceError
from geoglot.options import FindOptions, ReadOptions, RefineOptions
from geoglot.tables import parse_json, read_text
from geoglot.tasks.ask.ask_options import AskOptions

if TYPE_CHECKING:
    from geoglot.aliases import Progress
    from geoglot.tasks.ask.answer import Answer
    from geoglot.tasks.ask.ask import Asker
    from geoglot.tasks.ask.plan import Planner
    from geoglot.tasks.ask.shortlist import Shortlist

_REFUSED = 1


@dataclass(frozen=True)
class AskFlags:
    """Flags of this command only."""

    after: Annotated[str | None, "The same place on a later date, for questions about change."] = None
    planner: Annotated[Literal["rules", "llm"], "Read questions by rules, or with a language model (llm)."] = "rules"
    llm_url: Annotated[
        str | None, "Base URL of an OpenAI-compatible server. Default: GEOGLOT_LLM_URL; the key is GEOGLOT_LLM_KEY."
    ] = None
    llm_model: Annotated[
        str | None, "Model of that server, or a folder or .gguf file on this disk. Default: GEOGLOT_LLM_MODEL."
    ] = None
    show_program: Annotated[bool, "Print the program that gave the answer."] = False
    replay: Annotated[Path | None, "Run the program of a --json document again."] = None


@click.command()
@click.argument("arguments", nargs=-1, required=True, metavar="SRC... [QUESTION]...")
@flags(AskFlags, "own")
@evidence_flag
@flags(AskOptions, "options")
@flags(FindOptions, "find", "background", "min_area", "max_area", "points", "area", "vectors", "evidence")
@flags(RefineOptions, "refine")
@flags(ReadOptions, "read", "tile", "overlap")
@shared.run
@click.pass_context
def command(
    ctx: click.Context,
    /,
    arguments: tuple[str, ...],
    model: str,
    device: str | None,
    as_json: bool,
    overwrite: bool,
    evidence: tuple[str, ...],
    **groups: Any,
) -> None:
    """Ask about SRC: rasters, pictures, folders of them, or an archive. Without a QUESTION a prompt opens.

    Every answer says how sure it is and why. The rules read the usual questions and refuse the others; a language
    model (--planner llm) reads more, and its programs run in a sandbox. A scene is encoded once for all questions. If
    there are more scenes than --best, only those whose overviews fit the names in the question best are asked, and the
    others are listed with their scores. An archive has the scores without reading a scene, and answers "Which scenes
    contain a harbour?" and "Show me the best 12 harbours" by itself. Exit code 1: at least one question got no answer;
    3: a scene could not be read.

    Example: geoglot ask harbour.tif "How many ships are there in the upper left quarter?" --evidence ships.geojson
    """
    from geoglot.models.zoo import load_model
    from geoglot.tasks.ask.ask import Asker
    from geoglot.tasks.ask.ask_archive import ask_archive
    from geoglot.tasks.ask.ask_dates import ask_dates, names_dates
    from geoglot.tasks.ask.ask_many import ask_many
    from geoglot.tasks.ask.evidence import check_evidence

    own = groups["own"]
    options, find = sort_evidence(evidence, groups["options"], replace(groups["find"], overlay=False))
    sources, questions, in_archive = _sort_arguments(arguments, own, options, as_json)
    file = None if options.evidence is None else Path(options.evidence)
    if file is not None:
        check_evidence(file)
    shortlists: tuple[Shortlist, ...] = ()
    unreadable: dict[str, str] = {}
    with progress() as advance:
        planner = _open_planner(own, device, advance)
        settings: dict[str, Any] = {
            "read": groups["read"],
            "options": replace(options, find=find, device=device, planner=planner, overwrite=overwrite),
            "refiner": shared.make_refiner(groups["refine"], device),
            "progress": advance,
        }
        if in_archive:  # an archive loads its own model
            given = ctx.get_parameter_source("model") is not click.core.ParameterSource.DEFAULT
            settings["model"] = model if given else None
        else:
            settings["model"] = load_model(model, device=device, precision="auto")
        if not in_archive and any(map(names_dates, questions)):
            dates = [*sources, *filter(None, [own.after])]
            answers = _report_each(ask_dates(dates, questions, **settings), own, file, as_json, alone=True)
            failed = 0
        elif in_archive or len(sources) > 1:
            many = (
                ask_archive(sources[0], questions, **settings)
                if in_archive
                else ask_many(sources, questions, **settings)
            )
            shortlists = many.shortlists
            for shortlist in shortlists:
                click.echo(_describe_shortlist(shortlist), err=True)
            answers = _report_each(many, own, None, as_json, alone=False)
            failed, unreadable = many.failed, many.unreadable
        else:
            with Asker.open(sources[0], own.after, **settings) as asker:
                kept = file if questions or own.replay else None  # the prompt writes it on request
                answers = _report_each(_ask_one(asker, questions, own, kept), own, kept, as_json, alone=True)
                failed = asker.failed
    _report_all(answers, shortlists, unreadable, as_json)
    if failed or unreadable or any(shortlist.failed or shortlist.missed for shortlist in shortlists):
        ctx.exit(shared.PARTLY)
    if any(answer.refused for answer in answers) or any(shortlist.refused for shortlist in shortlists):
        ctx.exit(_REFUSED)


def _open_planner(own: AskFlags, device: str | None, advance: Progress | None) -> Planner | None:
    """The language model that plans, if there is to be one."""
    if own.planner != "llm":
        return None
    from geoglot.tasks.ask.chat import chat_of
    from geoglot.tasks.ask.llm import LanguageModel

    return LanguageModel(chat_of(own.llm_url, own.llm_model, device=device, progress=advance))


def _sort_arguments(
    arguments: Sequence[str], own: AskFlags, options: AskOptions, as_json: bool
) -> tuple[list[str], list[str], bool]:
    """Split the arguments into sources, which exist and come first, and questions; and whether they are an archive."""
    from geoglot.index.store.archive import is_archive
    from geoglot.sources.listing import find_images
    from geoglot.sources.raster_guard import is_local
    from geoglot.tasks.ask.ask_dates import names_dates

    # os.path.exists is False for a question that is longer than a file name can be; Path.exists raises.
    paths = [text for text in arguments if not is_local(text) or os.path.exists(text)]  # noqa: PTH110
    questions = [text for text in arguments if text not in paths]
    if not paths:
        raise InputError(f"there is no file or folder {arguments[0]}; the scene comes first, then the question")
    if list(arguments) != [*paths, *questions] or any(" " not in text and "." in text for text in questions):
        raise InputError(f"there is no such file, and a question must come after the scenes, got {questions[0]!r}")
    in_archive = len(paths) == 1 and is_archive(paths[0])
    sources = paths if in_archive else find_images(paths)
    if in_archive and (not questions or own.after or own.replay or options.evidence):
        raise InputError("an archive needs a question, and cannot be used with --after, --replay or --evidence")
    if own.replay and (questions or len(sources) > 1):
        raise InputError("--replay takes one scene and no question: the document holds the question")
    if len(sources) > 1 and (not questions or own.after or options.evidence) and not any(map(names_dates, questions)):
        raise InputError("several scenes need a question, and cannot be used with --after or --evidence")
    if options.evidence and len(questions) > 1:
        raise InputError("--evidence takes one question; in the prompt write :evidence FILE")
    if as_json and not questions and not own.replay:
        raise InputError("--json needs a question")
    return sources, questions, in_archive


def _ask_one(asker: Asker, questions: Sequence[str], own: AskFlags, evidence: Path | None) -> Iterator[Answer]:
    """Answer about one scene: a replay, the questions, or the questions that are typed in the prompt."""
    if own.replay:
        try:
            document = parse_json(read_text(own.replay).body)
        except (SourceError, ValueError) as error:
            raise InputError(f"{own.replay} is not a document of `geoglot ask --json`: {error}") from error
        answer = asker.replay(document)
        if evidence is not None:
            asker.write_evidence(answer, evidence, asker.options.overwrite)
        yield answer
    elif questions:
        for question in questions:
            yield asker.ask(question, evidence=evidence)
    else:
        from geoglot.cli.ask_prompt import prompt

        yield from prompt(asker)


def _report_each(
    answers: Iterable[Answer], own: AskFlags, evidence: Path | None, as_json: bool, *, alone: bool
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
        if own.show_program and answer.program:
            click.echo(answer.program)
        for note in shared.merge_notes(answer.notes, filter(None, (answer.source, answer.after))):
            if note.casefold() != answer.text.casefold():  # a refusal says it already
                click.echo(f"note  {note}")
        if evidence:
            click.echo(f"\nevidence  {evidence}\npicture   {evidence.with_suffix('.png')}")
    return reported


def _report_all(
    answers: Sequence[Answer], shortlists: Sequence[Shortlist], unreadable: Mapping[str, str], as_json: bool
) -> None:
    """Print the JSON document, or last lines for people about scenes that were left out."""
    for reason in unreadable.values():
        click.echo(f"geoglot: {reason}", err=True)
    if as_json:
        documents = [answer.to_json() for answer in answers]
        several: dict[str, Any] = {"results": documents, "answers": documents}  # scripts of before read "answers"
        if unreadable:
            several["unreadable"] = dict(unreadable)
        if shortlists:
            several["narrowed"] = [shortlist.to_json() for shortlist in shortlists]
        shared.emit(documents[0] if len(documents) == 1 and len(several) == 2 else several, True, "")
        return
    for short in shortlists:
        if short.left_out and not short.refused:
            total = len(short.asked) + len(short.left_out)
            click.echo(f"{len(short.asked)} of {total} scenes were asked {short.question!r}; --best asks more")


def _describe_shortlist(short: Shortlist) -> str:
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
