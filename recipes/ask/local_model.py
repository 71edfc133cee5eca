"""Use a local language model as planner: how many generated questions does it answer right?

    python recipes/ask/local_model.py model.gguf --questions 50 --seed 0     # needs geoglot[ask,gguf]

The scenes and questions are those of generated.py, where every object is detected, so a wrong answer is a wrong plan.
The prompt has the rules' seven worked examples.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from generated import check, scene_of
from make_questions import make_questions

from geoglot.tasks.ask.ask import Asker
from geoglot.tasks.ask.ask_options import AskOptions
from geoglot.tasks.ask.llm import LanguageModel
from geoglot.tasks.ask.local_llm import LocalChat

_A_SCENE = 10


def main(arguments: Sequence[str] | None = None) -> None:
    """Print each question with its result, and the share of right answers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--questions", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mends", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after the question that passes this")
    given = parser.parse_args(arguments)
    planner = LanguageModel(LocalChat(given.model), mends=given.mends)
    rng, tally = np.random.default_rng(given.seed), Counter[str]()
    started, began = time.monotonic(), time.process_time()
    while tally.total() < given.questions and time.monotonic() - started < given.seconds:
        scene, truth = scene_of(rng)
        made = make_questions(truth, min(_A_SCENE, given.questions - tally.total()), seed=given.seed + tally.total())
        with Asker(scene, options=AskOptions(planner=planner)) as asker:
            for one in made:
                if time.monotonic() - started > given.seconds:
                    break
                answer = asker.ask(one.text)
                right = check(one, answer.value, scene.grid.resolution_m or 1.0)[0]
                outcome = "right" if right else "refused" if answer.refused else "wrong"
                tally[outcome] += 1
                print(f"{outcome:8} {one.text}  true {one.answer}, answered {answer.value}; {answer.text}", flush=True)
    asked = max(1, tally.total())
    took, worked = (time.monotonic() - started) / asked, (time.process_time() - began) / asked
    print(f"{tally['right']} of {asked} right, {tally['wrong']} wrong, {tally['refused']} refused; a question took "
          f"{took:.1f} s, {worked:.1f} s of a core")  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
