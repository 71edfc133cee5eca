"""A language model in this process, from a Hugging Face folder or a GGUF file on this disk, without any network.

Decoding is greedy, so the same question gets the same program. All prompts begin with the same thousands of tokens (the
vocabulary and the examples), which are computed once.
"""

import os
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path
from typing import Any

import torch

from geoglot.aliases import PathLike, Progress
from geoglot.errors import AnswerError, InputError, MissingExtraError, ModelError
from geoglot.models.card import TOKENIZER
from geoglot.models.foreign_folders import check_folder, foreign, require_bytes
from geoglot.models.tokenizer import contain_panics
from geoglot.models.tokenizer_checks import check_tokenizer
from geoglot.models.zoo import choose_device, wants_bfloat16
from geoglot.tasks.ask.gguf_check import check_gguf
from geoglot.tasks.ask.plan import Message

_TOKENS = 300  # the most in a reply: a program is short, and every token takes its time
_BLOCK = 256  # tokens of a prompt that the model reads at once
_FENCE = "```"


def is_local(name: str) -> bool:
    """Is this a language model on this disk: a .gguf file, or a folder with a config.json?"""
    file = name if name.lower().endswith(".gguf") else os.path.join(name, "config.json")  # noqa: PTH118
    return os.path.isfile(file)  # noqa: PTH113 - Path.is_file raises for names that no file can have


class LocalChat:
    """A causal language model on this disk as a `Chat`; threads take turns.

    It reads safetensors or GGUF, and runs no code of the folder. Raises InputError for another `path`, ModelError for a
    model that cannot be loaded or has no chat template, MissingExtraError if a package for GGUF is missing.
    """

    def __init__(self, path: PathLike, *, device: str | None = None, progress: Progress | None = None) -> None:
        from transformers import DynamicCache

        path = Path(path)
        self._progress = progress
        # The name of a folder may hold dots that begin no suffix: Qwen2.5-0.5B-Instruct
        self.name = path.stem if path.is_file() else path.resolve().name
        self._tokenizer, self._model = _load(path, choose_device(device))
        self._cache: Any = DynamicCache()
        self._known: list[int] = []  # tokens whose keys and values are in the cache
        ends = getattr(self._model.generation_config, "eos_token_id", None)
        self._ends = {*(ends if isinstance(ends, list) else [ends]), self._tokenizer.eos_token_id} - {None}
        self._lock = threading.Lock()

    def reply(self, messages: Sequence[Message]) -> str:
        """Decode until a code block or the turn ends; AnswerError for an empty reply."""
        with self._lock:
            prompt, reply = self._tokenize(messages), list[int]()
            token = self._predict(prompt)
            while token not in self._ends and len(reply) < _TOKENS:
                # The text after a code block is of no use. Only every fourth token is decoded, to save time.
                if len(reply) % 4 == 0 and self._tokenizer.decode(reply).count(_FENCE) >= 2:
                    break
                reply.append(token)
                self._report("words", len(reply), _TOKENS)
                token = self._predict([*prompt, *reply])
            text = str(self._tokenizer.decode(reply, skip_special_tokens=True))
        if not text.strip():
            raise AnswerError("the language model's reply is empty")
        return text

    def _tokenize(self, messages: Sequence[Message]) -> list[int]:
        """Apply the chat template; AnswerError if the conversation is longer than the model can read."""
        from geoglot.tasks.ask.chat_template import apply_template

        template, tokens = self._tokenizer.get_chat_template(), self._tokenizer.special_tokens_map
        text = apply_template(template, tokens, messages, self.name)
        with contain_panics(f"the tokenizer of {self.name}"):
            # The template has added the special tokens already.
            ids = list(self._tokenizer(text, add_special_tokens=False)["input_ids"])
        most = getattr(self._model.config, "max_position_embeddings", None)
        if isinstance(most, int) and len(ids) + _TOKENS > most:
            raise AnswerError(f"the conversation has {len(ids)} tokens, and {self.name} reads {most} with its reply")
        return ids

    @torch.inference_mode()
    def _predict(self, ids: Sequence[int]) -> int:
        """Predict the likeliest next token; tokens that are in the cache are not read again."""
        common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(ids, self._known, strict=False)))
        same = min(common, len(ids) - 1)  # the last token is read in any case, for its logits
        if surplus := len(self._known) - same:
            self._cache.crop(-surplus)
        self._known = list(ids[:same])
        while len(self._known) < len(ids):
            block = ids[len(self._known) : len(self._known) + _BLOCK]
            new = torch.tensor([block], device=self._model.device)
            logits = self._model(input_ids=new, past_key_values=self._cache, use_cache=True, logits_to_keep=1).logits
            self._known += block
            if len(ids) - same > _BLOCK:
                self._report("prompt", len(self._known) - same, len(ids) - same)
        return int(logits[0, -1].argmax())

    def _report(self, what: str, done: int, total: int) -> None:
        if self._progress:
            self._progress(what, done, total)


def _load(path: Path, device: torch.device) -> tuple[Any, Any]:
    import transformers

    if not is_local(str(path)):
        raise InputError(
            f"{path} is not a language model on this disk: name a .gguf file or a folder with a config.json, or the "
            "server that has it, --llm-url http://localhost:11434/v1"
        )
    place: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    what = f"{path} cannot be loaded as a language model"
    place["pretrained_model_name_or_path"] = str(path.parent if path.is_file() else path)
    weights: dict[str, Any] = {"dtype": torch.bfloat16 if wants_bfloat16("auto", device) else torch.float32}
    if path.is_file():
        check_gguf(path)
        place["gguf_file"] = path.name
        if missing := [name for name in ("gguf", "accelerate") if find_spec(name) is None]:
            raise MissingExtraError(" and ".join(missing), "gguf")
        # Weights are made dense, since the kernels for packed weights come from the hub.
        if config := getattr(transformers, "GgufConfig", None):  # older versions know dense weights only
            weights["quantization_config"] = config(dequantize=True)
    else:
        weights["use_safetensors"] = True
        _check_files(path, place, what)
    with foreign(what), contain_panics(what):
        tokenizer = transformers.AutoTokenizer.from_pretrained(**place)
    with foreign(what):
        loaded: Any = transformers.AutoModelForCausalLM.from_pretrained(**place, **weights, output_loading_info=True)
    model, report = loaded
    if lacking := sorted(map(str, [*report["missing_keys"], *report["mismatched_keys"]])):
        raise ModelError(f"{path} lacks {len(lacking)} weights, such as {lacking[0]}; get the whole model again")
    if not getattr(tokenizer, "chat_template", None):
        raise ModelError(f"{path} has no chat template; take a model that was trained to chat (an -Instruct one)")
    return tokenizer, model.to(device).eval().requires_grad_(False)


def _check_files(folder: Path, place: dict[str, Any], what: str) -> None:
    """Raise ModelError for files that are damaged, or that declare a larger model than the weights hold."""
    import transformers

    held = check_folder(folder)
    if (folder / TOKENIZER).is_file():
        check_tokenizer(folder / TOKENIZER)
    causal: Any = transformers.AutoModelForCausalLM
    with foreign(what):
        config = transformers.AutoConfig.from_pretrained(**place)
    require_bytes(lambda: causal.from_config(config), held, what)
