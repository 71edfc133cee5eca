"""geoglot ask: questions about a scene in words, with the program and the evidence."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click

from geoglot.cli import many, report, shared
from geoglot.cli.ask_evidence import evidence_flag, sort_evidence
from geoglot.cli.ask_report import Told, describe_shortlist, report_all, report_each
from geoglot.cli.flags import flags
from geoglot.cli.planner import PlannerFlags, open_planner
from geoglot.cli.progress import progress
from geoglot.errors import InputError, SourceError
from geoglot.options import FindOptions, ReadOptions, RefineOptions
from geoglot.tables import parse_json, read_text
from geoglot.tasks.ask.ask_options import AskOptions

if TYPE_CHECKING:
    from geoglot.tasks.ask.answer import Answer
    from geoglot.tasks.ask.ask import Asker


@dataclass(frozen=True)
class AskFlags:
    """Flags of this command only."""

    after: Annotated[str | None, "The same place on a later date, for questions about change."] = None
    show_program: Annotated[bool, "Print the program that gave the answer."] = False
    replay: Annotated[Path | None, "Run the program of a --json document again."] = None


@dataclass(frozen=True)
class _Asked:
    """What the user asks of which scenes, and how the answers are given."""

    sources: Sequence[str]
    """Scenes, or one archive."""
    questions: Sequence[str]
    in_archive: bool
    own: AskFlags
    evidence: Path | None
    as_json: bool

    @property
    def on_dates(self) -> bool:
        """Whether the scenes show one place, on dates that a question names."""
        from geoglot.tasks.ask.ask_dates import names_dates

        return not self.in_archive and any(map(names_dates, self.questions))


@click.command()
@click.argument("arguments", nargs=-1, required=True, metavar="SRC... [QUESTION]...")
@flags(AskFlags, "own")
@flags(PlannerFlags, "planner")
@evidence_flag
@many.table
@many.jobs
@report.flag
@flags(AskOptions, "options")
@flags(FindOptions, "find", "background", "min_area", "max_area", "points", "vectors", "evidence")
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
    table: Path | None,
    jobs: int,
    **groups: Any,
) -> None:
    """Ask about SRC: rasters, pictures, folders and patterns of them, or an archive. Without a QUESTION a prompt opens.

    Every answer says how sure it is and why. The rules read the usual questions and refuse the others; a language
    model (--planner llm) reads more, and its programs run in a sandbox. A scene is encoded once for all questions. If
    there are more scenes than --best, only those whose overviews fit the names in the question best are asked, and the
    others are listed with their scores. An archive has the scores without reading a scene, and answers "Which scenes
    contain a harbour?" and "Show me the best 12 harbours" by itself. With --table or --jobs every scene is asked, and
    there is a row for each. Exit code 1: at least one question got no answer; 3: a scene could not be read.

    \b
    Example:
      geoglot ask harbour.tif "How many ships are there in the upper left quarter?" --evidence ships.geojson
      geoglot ask scenes/*.tif "How many ships are there?" --table ships.csv
    """
    from geoglot.models.zoo import load_model
    from geoglot.tasks.ask.ask import ask
    from geoglot.tasks.ask.evidence import check_evidence
    from geoglot.tasks.refine.load import refiner_of

    settings: dict[str, Any]
    own = groups["own"]
    options, find = sort_evidence(evidence, groups["options"], replace(groups["find"], overlay=False))
    asked = _sort_arguments(arguments, own, replace(options, find=find), as_json)
    if asked.evidence is not None:
        check_evidence(asked.evidence)
    if table or jobs > 1:
        with_best = ctx.get_parameter_source("options_best") is click.core.ParameterSource.COMMANDLINE
        _check_batch(asked, with_best, shares_llm=jobs > 1 and groups["planner"].planner == "llm")
        settings = {"model": model, "read": groups["read"], "refiner": groups["refine"]}
        planner = open_planner(groups["planner"], device, None)
        settings["options"] = replace(options, find=find, device=device, planner=planner)
        many.run(ask, many.Scenes(asked.sources, None, table, jobs, device, as_json), asked.questions, settings)
        return
    with progress() as advance:
        planner = open_planner(groups["planner"], device, advance)
        settings = {
            "read": groups["read"],
            "options": replace(options, find=find, device=device, planner=planner, overwrite=overwrite),
            "refiner": refiner_of(groups["refine"], device),
            "progress": advance,
        }
        if asked.in_archive:  # an archive loads its own model
            given = ctx.get_parameter_source("model") is not click.core.ParameterSource.DEFAULT
            settings["model"] = model if given else None
        else:
            settings["model"] = load_model(model, device=device, precision="auto")
        told = _answer(asked, settings)
    report_all(told, as_json)
    ctx.exit(told.exit_code)


def _check_batch(asked: _Asked, with_best: bool, shares_llm: bool) -> None:
    """InputError for what a table of scenes cannot hold, or several processes cannot share."""
    own = asked.own
    if asked.in_archive or asked.on_dates or not asked.questions or asked.evidence or own.after or own.replay:
        raise InputError(
            "--table and --jobs are for questions about scenes of one date; leave out archives, dates, --after, "
            "--replay and --evidence"
        )
    if with_best:
        raise InputError("--table and --jobs ask every scene; leave --best out")
    if shares_llm:
        raise InputError("several jobs cannot share a language model; leave out --jobs or --planner llm")


def _sort_arguments(arguments: Sequence[str], own: AskFlags, options: AskOptions, as_json: bool) -> _Asked:
    """Split the arguments into sources, which exist and come first, and questions; InputError if they do not fit."""
    from geoglot.index.store.archive import is_archive
    from geoglot.sources.listing import find_images, fits_files
    from geoglot.sources.raster_guard import is_local
    from geoglot.tasks.ask.ask_dates import names_dates

    # os.path.exists is False for a question that is longer than a file name can be; Path.exists raises.
    paths = [text for text in arguments if not is_local(text) or os.path.exists(text) or fits_files(text)]  # noqa: PTH110
    questions = [text for text in arguments if text not in paths]
    if not paths:
        raise InputError(f"there is no file or folder {arguments[0]}; the scene comes first, then the question")
    if list(arguments) != [*paths, *questions] or any(" " not in text and "." in text for text in questions):
        raise InputError(f"there is no such file, and a question must come after the scenes, got {questions[0]!r}")
    in_archive = len(paths) == 1 and is_archive(paths[0])
    sources = paths if in_archive else find_images(paths)
    if in_archive and (not questions or own.after or own.replay or options.evidence or options.find.area):
        raise InputError("an archive needs a question, and cannot be used with --after, --replay, --evidence or --aoi")
    if own.replay and (questions or len(sources) > 1):
        raise InputError("--replay takes one scene and no question: the document holds the question")
    if len(sources) > 1 and (not questions or own.after or options.evidence) and not any(map(names_dates, questions)):
        raise InputError("several scenes need a question, and cannot be used with --after or --evidence")
    if options.evidence and len(questions) > 1:
        raise InputError("--evidence takes one question; in the prompt write :evidence FILE")
    if as_json and not questions and not own.replay:
        raise InputError("--json needs a question")
    evidence = None if options.evidence is None else Path(options.evidence)
    return _Asked(sources, questions, in_archive, own, evidence, as_json)


def _answer(asked: _Asked, settings: dict[str, Any]) -> Told:
    """Ask, and print each answer as soon as it is ready."""
    from geoglot.tasks.ask.ask import Asker
    from geoglot.tasks.ask.ask_archive import ask_archive
    from geoglot.tasks.ask.ask_dates import ask_dates
    from geoglot.tasks.ask.ask_many import ask_many

    sources, own = asked.sources, asked.own
    report = partial(report_each, as_json=asked.as_json, show_program=own.show_program)
    if asked.on_dates:
        dates = [*sources, *filter(None, [own.after])]
        return Told(report(ask_dates(dates, asked.questions, **settings), alone=True, evidence=asked.evidence))
    if asked.in_archive or len(sources) > 1:
        many = (
            ask_archive(sources[0], asked.questions, **settings)
            if asked.in_archive
            else ask_many(sources, asked.questions, **settings)
        )
        for shortlist in many.shortlists:
            click.echo(describe_shortlist(shortlist), err=True)
        answers = report(many, alone=False)
        return Told(answers, many.shortlists, many.unreadable, many.failed)
    with Asker.open(sources[0], own.after, **settings) as asker:
        kept = asked.evidence if asked.questions or own.replay else None  # the prompt writes it on request
        answers = report(_ask_one(asker, asked.questions, own, kept), alone=True, evidence=kept)
        return Told(answers, failed=asker.failed)


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
