"""A language model in a GGUF file as planner: how many generated questions does it answer right?

    python recipes/ask/local_model.py model.gguf --questions 50 --seed 0     # needs gguf and accelerate

The scenes and questions are those of generated.py, so everything is found and what is missed was planned wrong. The
rules' seven worked examples are in the prompt. Greedy decoding; what all prompts begin with is computed once.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from generated import check, scene_of

from geoglot.datasets.make_questions import make_questions
from geoglot.tasks.answer.ask import Asker
from geoglot.tasks.answer.llm import LanguageModel
from geoglot.tasks.answer.plan import Message

_TOKENS = 160
_A_SCENE = 10


class LocalChat:
    """A causal language model in this process as a `Chat`."""

    def __init__(self, path: Path) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache

        place = {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name}
        self.name = path.stem
        self._tokenizer: Any = AutoTokenizer.from_pretrained(**place)
        self._model: Any = AutoModelForCausalLM.from_pretrained(**place, dtype=torch.float32).eval()
        self._cache, self._known = DynamicCache(), list[int]()

    @torch.inference_mode()
    def reply(self, messages: Sequence[Message]) -> str:
        """The likeliest token again and again, from the longest beginning that was computed before."""
        turns = [{"role": one.role, "content": one.content} for one in messages]
        text = self._tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
        ids = self._tokenizer(text)["input_ids"]
        same = next((i for i, (a, b) in enumerate(zip(ids, self._known, strict=False)) if a != b), None)
        same = min(len(ids), len(self._known)) if same is None else same
        same = min(same, len(ids) - 1)
        if surplus := self._cache.get_seq_length() - same:
            self._cache.crop(-surplus)
        new, said = ids[same:], list[int]()
        self._known = list(ids)
        while len(said) < _TOKENS:
            logits = self._model(input_ids=torch.tensor([new]), past_key_values=self._cache, use_cache=True).logits
            token = int(logits[0, -1].argmax())
            if token == self._tokenizer.eos_token_id:
                break
            said.append(token)
            self._known.append(token)
            new = [token]
            if len(said) % 8 == 0 and self._tokenizer.decode(said).count("```") >= 2:
                break
        self._known = self._known[: self._cache.get_seq_length()]
        return str(self._tokenizer.decode(said, skip_special_tokens=True))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print each question with what became of it, and the rate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--questions", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mends", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after the question that passes this")
    given = parser.parse_args(arguments)
    planner = LanguageModel(LocalChat(given.model), mends=given.mends)
    rng, started, tally = np.random.default_rng(given.seed), time.monotonic(), Counter[str]()
    while tally.total() < given.questions and time.monotonic() - started < given.seconds:
        scene, truth = scene_of(rng)
        made = make_questions(truth, min(_A_SCENE, given.questions - tally.total()), seed=given.seed + tally.total())
        with Asker(scene, planner=planner) as asker:
            for one in made:
                if time.monotonic() - started > given.seconds:
                    break
                answer = asker.ask(one.text)
                right = check(one, answer.value, scene.grid.resolution_m or 1.0)[0]
                outcome = "right" if right else "refused" if answer.refused else "wrong"
                tally[outcome] += 1
                print(f"{outcome:8} {one.text}  true {one.answer}, answered {answer.value}", flush=True)
    seconds = (time.monotonic() - started) / max(1, tally.total())
    print(f"{tally['right']} of {tally.total()} right, {tally['wrong']} wrong, {tally['refused']} refused; "
          f"{seconds:.1f} s a question")  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
