"""geoglot ask: questions about a scene in words, with the program and the evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geoglot.cli import options
from geoglot.cli.reading import fields, read_options, reading
from geoglot.cli.refining import chosen_refiner, refining

if TYPE_CHECKING:
    from geoglot.aliases import Progress
    from geoglot.tasks.ask.answer import Answer
    from geoglot.tasks.ask.ask import Asker, AskOptions
    from geoglot.tasks.ask.narrow import Narrowed
    from geoglot.tasks.ask.once import Once
    from geoglot.tasks.ask.plan import Planner
    from geoglot.tasks.find.find_options import FindOptions

_HELP = """Type a question, or :show (the program), :evidence FILE (draw it), :history, :help, :quit."""
_REFUSED = 1


@click.command()
@click.argument("arguments", nargs=-1, required=True, metavar="SRC... [QUESTION]...")
@click.option("--after", help="The same place on a later date, for questions about change.")
@click.option("--planner", type=click.Choice(["rules", "llm"]), default="rules", show_default=True, help="Who reads.")
@click.option(
    "--llm-url", help="Base URL of an OpenAI-compatible server; GEOGLOT_LLM_URL, if not given. Key: GEOGLOT_LLM_KEY."
)
@click.option(
    "--llm-model",
    help="Model of that server, or on this disk: a folder, a .gguf file. GEOGLOT_LLM_MODEL, if not given.",
)
@click.option("--show-program", is_flag=True, help="Print the program that gave the answer.")
@click.option(
    "--evidence", type=click.Path(path_type=Path), help="Write what it rests on: a .geojson, a .png beside it."
)
@click.option("--replay", type=click.Path(path_type=Path), help="Give the answer of a --json document again.")
@click.option("--min-score", type=click.FloatRange(0, 1, min_open=True, max_open=True), help="As for geoglot find.")
@click.option(
    "--best", type=click.IntRange(min=1), default=10, show_default=True, help="Of more scenes, ask these many."
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
    more scenes than --best those are asked whose overviews fit best what the question looks for; the others are
    listed with their scores. Exit code 1: at least one question got no answer.

    Example: geoglot ask harbour.tif "How many ships are there in the upper left quarter?" --evidence ships.geojson
    """
    from geoglot.tasks.ask.ask import Asker
    from geoglot.tasks.ask.evidence import check_evidence
    from geoglot.tasks.ask.once import Once

    sources, questions = _sorted_out(given["arguments"], given)
    if given["evidence"] is not None:
        check_evidence(given["evidence"])
    choice, read, refiner = _options(given), read_options(given), chosen_refiner(given)
    answers, failed = [], 0
    with options.progress() as progress:
        planner, model = _planner(given, progress), _load(given)
        todo = [(source, questions) for source in sources]
        narrowed: tuple[Narrowed, ...] = ()
        if len(sources) > given["best"]:
            planner = once = Once(planner)
            narrowed = _narrowed(sources, questions, once, model, given, progress)
            todo = _todo(narrowed)
            _check_any_seen(todo, narrowed)
        for source, asked in todo:
            opened = Asker.open(
                source, given["after"], model=model, planner=planner, read=read, options=choice, refiner=refiner,
                progress=progress,
            )  # fmt: skip
            with opened as asker:
                told = _answers(asker, asked, given) if asked or given["replay"] else _prompt(asker)
                for answer in told:
                    answers.append(answer)
                    if not given["as_json"]:
                        click.echo(describe(answer, given["show_program"], alone=len(sources) == 1))
                        _tell_evidence(given["evidence"] if asked or given["replay"] else None)
                failed += asker.failed
    _report(answers, narrowed, given["as_json"])
    if failed or any(one.failed or one.missed for one in narrowed):
        ctx.exit(options.PARTLY)
    if any(answer.refused for answer in answers) or any(one.refused for one in narrowed):
        ctx.exit(_REFUSED)


def _sorted_out(arguments: Sequence[str], given: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Sources come first: whatever is there; the rest are questions."""
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


def _narrowed(
    sources: Sequence[str],
    questions: Sequence[str],
    planner: Once,
    model: Any,
    given: dict[str, Any],
    progress: Progress,
) -> tuple[Narrowed, ...]:
    """The best scenes for each question; what is asked and what is left out is said on stderr before any work."""
    from geoglot.tasks.ask.narrow import Overviews, narrow, planned_names

    names = planned_names(questions, planner.draft)
    chosen = narrow(
        sources,
        names,
        lambda names: Overviews(model, names, read_options(given), _looks(given)),
        best=given["best"],
        progress=progress,
    )
    for one in chosen:
        click.echo(_listed(one), err=True)
    return chosen


def _todo(narrowed: Sequence[Narrowed]) -> list[tuple[str, list[str]]]:
    """Scenes with the questions that each is asked, the best of the first question first."""
    questions: dict[str, list[str]] = {}
    for one in narrowed:
        for glance in one.asked:
            questions.setdefault(glance.source, []).append(one.question)
    return list(questions.items())


def _check_any_seen(todo: Sequence[object], narrowed: Sequence[Narrowed]) -> None:
    """SourceError where no scene of all could be read; each has been told with its reason."""
    from geoglot.errors import SourceError

    failed = [glance for one in narrowed for glance in one.failed]
    if not todo and failed:
        raise SourceError(f"no scene can be read: {failed[0].failed}")


def _listed(one: Narrowed) -> str:
    """Which scenes a question is asked of, with their scores, for people."""
    if one.refused:
        return (
            f"geoglot: {one.question!r} has no program, so none of {len(one.left_out)} scenes is asked: {one.refused}"
        )
    if not one.names:
        return f"geoglot: {one.question!r} looks for nothing by name, so all {len(one.asked)} scenes are asked"
    rows = [f"geoglot: {one.question!r}: how well the overview of each scene fits {', '.join(one.names)}"]
    for what, glances in (("asked", one.asked), ("left out", one.left_out)):
        rows += [
            f"  {what:8}  {'failed' if glance.score is None else f'{glance.score:7.3g}'}  {glance.source}"
            + (f": {glance.failed}" if glance.failed else "")
            + (f": not seen: {glance.missed}" if glance.missed else "")
            for glance in glances
        ]
    return "\n".join(rows)


def _report(answers: Sequence[Answer], narrowed: Sequence[Narrowed], as_json: bool) -> None:
    """The document for programs; for people a last word about the scenes that were left out."""
    if as_json:
        documents = [answer.to_json() for answer in answers]
        several = {"answers": documents} | ({"narrowed": [one.to_json() for one in narrowed]} if narrowed else {})
        options.emit(documents[0] if len(documents) == 1 and not narrowed else several, True, "")
        return
    for one in narrowed:
        if one.left_out and not one.refused:
            total = len(one.asked) + len(one.left_out)
            click.echo(f"{len(one.asked)} of {total} scenes were asked {one.question!r}; --best asks more")


def _options(given: dict[str, Any]) -> AskOptions:
    from geoglot.tasks.ask.ask import AskOptions

    return AskOptions(_looks(given), device=given["device"])


def _looks(given: dict[str, Any]) -> FindOptions:
    from geoglot.tasks.find.find_options import FindOptions

    return FindOptions(min_score=given["min_score"], overlay=False, **fields(given))


def _load(given: dict[str, Any]) -> Any:
    from geoglot.tasks.segment.segment import load_mapper

    return load_mapper(given["model"], device=given["device"], precision="auto")


def _planner(given: dict[str, Any], progress: Progress) -> Planner:
    from geoglot.tasks.ask.rules import Rules

    if given["planner"] == "rules":
        return Rules()
    from geoglot.tasks.ask.chat import chat_of
    from geoglot.tasks.ask.llm import LanguageModel

    return LanguageModel(chat_of(given["llm_url"], given["llm_model"], device=given["device"], progress=progress))


def _answers(asker: Asker, questions: Sequence[str], given: dict[str, Any]) -> Iterator[Answer]:
    if given["replay"]:
        answer = asker.replay(_document(given["replay"]))
        _keep_evidence(asker, answer, given)
        yield answer
        return
    for question in questions:
        if given["evidence"] is not None:
            asker.start_evidence(question, given["evidence"], given["overwrite"])
        answer = asker.ask(question)
        _keep_evidence(asker, answer, given)
        yield answer


def _keep_evidence(asker: Asker, answer: Answer, given: dict[str, Any]) -> None:
    if given["evidence"] is not None:
        asker.write_evidence(answer, given["evidence"], given["overwrite"])


def _tell_evidence(path: Path | None) -> None:
    if path is not None:
        click.echo(f"\nevidence  {path}\npicture   {path.with_suffix('.png')}")


def _document(path: Path) -> Any:
    import json

    from geoglot.errors import InputError, SourceError
    from geoglot.tables import read_text

    try:
        return json.loads(read_text(path).body)
    except (SourceError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is no document of `geoglot ask --json`: {error}") from error


def _prompt(asker: Asker) -> Iterator[Answer]:
    """Questions as they are typed, until the end of input; lines with a colon are about the last answer."""
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
            click.echo(_told(asker, past, line), err=True)
        elif line:
            past.append(asker.ask(line))
            yield past[-1]


def _told(asker: Asker, past: Sequence[Answer], line: str) -> str:
    """What a line that begins with a colon gives."""
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


def describe(answer: Answer, program: bool, *, alone: bool = True) -> str:
    """An answer for people."""
    lines = [answer.text if alone else f"{answer.source}: {answer.text}"]
    if answer.confidence is not None:
        lines.append(f"confidence {answer.confidence:.2f}: {answer.reason}")
    if program and answer.program:
        lines.append(answer.program)
    lines += [f"note  {note}" for note in answer.notes]
    return "\n".join(lines)
