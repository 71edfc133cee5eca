"""Cost of a question beside the model: plan, sandbox, and evidence.

    python benchmarks/ask.py

The rules read each question and the sandbox runs its program over a scene that returns 5, 50 or 500 objects at no cost.
Then two questions about the bundled scene, answered with mini, show that the second needs no encoding.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "recipes" / "ask"))

from polygons import StubScene

from geoglot.tasks.ask.ask import Asker
from geoglot.tasks.ask.limits import Budget, Limits
from geoglot.tasks.ask.rules import Rules
from geoglot.tasks.ask.sandbox import Sandbox
from geoglot.tasks.ask.vocabulary import Vocabulary

QUESTIONS = (
    "Is there a ship in this picture?",
    "How many ships are in the upper left quarter?",
    "How many ships are within 50 m of a harbor?",
    "Are there more ships than harbors?",
    "What is the area covered by ships?",
    "What percentage of the image is covered by ships?",
    "Is it a rural or an urban area?",
    "Where is the largest ship?",
    "How far is the nearest ship from a harbor?",
)
BAR_MS = 20.0


def scene(things: int) -> StubScene:
    """A scene of boxes in rows, with a number of boxes for each name."""
    boxes = [(10 + 12 * (index // 40), 10 + 14 * (index % 40)) for index in range(things)]
    shapes = [(row, col, row + 6, col + 9) for row, col in boxes]
    return StubScene({"ship": shapes, "harbor": [(row + 3, col + 2, row + 9, col + 8) for row, col in boxes]})


def timed(call: Callable[[], Any], repeats: int) -> list[float]:
    """Milliseconds of each call, after a warm-up."""
    call()
    result = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        result.append(1000 * (time.perf_counter() - started))
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; returns 1 if the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=30, help="of each question")
    parser.add_argument("--no-model", action="store_true", help="leave the bundled scene out")
    given = parser.parse_args(arguments)
    rules, medians = Rules(), []
    print("milliseconds: median (90th percentile) over questions and repeats")
    print("things   plan            program that does nothing  program           whole answer")
    with Sandbox() as sandbox:
        for things in (5, 50, 500):
            world = scene(things)
            programs = [rules.plan(question).program for question in QUESTIONS]

            def words(world: StubScene = world) -> Vocabulary:
                return Vocabulary(world, None, Budget(Limits()))

            plans = [ms for one in QUESTIONS for ms in timed(lambda one=one: rules.plan(one), given.repeats)]
            empty = timed(lambda words=words: sandbox.run("answer(1)", words()), given.repeats)
            runs = [
                ms
                for one in programs
                for ms in timed(lambda one=one, words=words: sandbox.run(one, words()), given.repeats)
            ]
            with Asker(world) as asker:
                wholes = [
                    ms for one in QUESTIONS for ms in timed(lambda one=one, asker=asker: asker.ask(one), given.repeats)
                ]
            print(f"{things:6}   {_shown(plans):14}  {_shown(empty):25}  {_shown(runs):16}  {_shown(wholes)}")
            medians.append(statistics.median(plans) + statistics.median(empty))
    overhead = max(medians)
    print(f"plan + sandbox: {overhead:.2f} ms a question (bar {BAR_MS:g} ms)")
    if not given.no_model:
        _encoded_once()
    return 0 if overhead < BAR_MS else 1


def _shown(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({statistics.quantiles(values, n=10)[-1]:.2f})"


def _encoded_once() -> None:
    """Two questions about one name and one about another, on the bundled scene."""
    from geoglot import demo

    source = Path(demo.__file__).parent / "scene.tif"
    with Asker.open(source) as asker:
        for question in ("How many houses are there?", "Where is the largest house?", "How many trees are there?"):
            started = time.perf_counter()
            asker.ask(question)
            seconds = time.perf_counter() - started
            print(f"{seconds:6.2f} s, scene encoded {getattr(asker.scene, 'encodings', 0)} time(s)  {question}")


if __name__ == "__main__":
    sys.exit(main())
