from __future__ import annotations

import shutil
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from polygons import StubScene

from geoglot.errors import AnswerError, InputError, MissingExtraError, ModelError
from geoglot.tasks.ask import local_llm as local
from geoglot.tasks.ask.ask import Asker
from geoglot.tasks.ask.ask_options import AskOptions
from geoglot.tasks.ask.chat import Chat, OpenAIChat, chat_of
from geoglot.tasks.ask.llm import LanguageModel, prompt
from geoglot.tasks.ask.local_llm import LocalChat, is_local
from geoglot.tasks.ask.plan import Message
from tinychat import write_folder, write_gguf

SAYS = ("```python\n", "ships = find('ship')\n", "answer(count(ships), 'counted')\n", "```", "never said")
QUESTIONS = [[*prompt(), Message("user", f"Question: {text}")] for text in ("How many ships?", "Where is a dam?")]


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a model on this disk asks no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("GEOGLOT_DEVICE", "cpu")


@pytest.fixture(scope="module")
def rigged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("models") / "rigged", SAYS)


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gguf(tmp_path_factory.mktemp("models") / "rigged.gguf", SAYS)


@pytest.fixture(scope="module")
def random(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("models") / "random")


@pytest.mark.parametrize("kind", ["rigged", "packed"])
def test_a_program_of_a_model_on_this_disk_is_run(kind: str, request: pytest.FixtureRequest) -> None:
    chat = LocalChat(request.getfixturevalue(kind))
    assert isinstance(chat, Chat)
    scene = StubScene({"ship": [(10, 10, 20, 40), (100, 100, 110, 140)]})
    with Asker(scene, options=AskOptions(planner=LanguageModel(chat))) as asker:
        answer = asker.ask("How many ships are there?")
    assert (answer.value, answer.text, answer.planner) == (2, "Counted.", "llm")
    assert answer.messages[-1].content == "".join(SAYS[:4])
    assert chat.name == "rigged"


def test_nonsense_ends_in_a_refusal_that_keeps_what_was_said(random: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_TOKENS", 12)
    with Asker(
        StubScene({"ship": [(1, 1, 5, 5)]}), options=AskOptions(planner=LanguageModel(LocalChat(random), mends=1))
    ) as asker:
        answer = asker.ask("How many ships are there?")
    assert answer.refused
    assert "No program of 2" in answer.text
    assert len([one for one in answer.messages if one.role == "assistant"]) == len(prompt()) // 2 + 2


def test_what_is_kept_of_a_question_changes_no_reply(random: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_TOKENS", 12)
    told: list[tuple[str, int, int]] = []
    chat = LocalChat(random, progress=lambda *step: told.append(step))
    first = [chat.reply(one) for one in QUESTIONS]
    assert [chat.reply(one) for one in QUESTIONS] == first
    assert LocalChat(random).reply(QUESTIONS[1]) == first[1]
    assert len(set(first)) == 2
    read = [step for step in told if step[0] == "prompt"]
    assert read[-1][1] == read[-1][2] > 2000  # once: of later questions only the new words are read
    assert [step[1] for step in read].count(256) == 1
    assert ("words", 12, 12) in told


def test_a_conversation_longer_than_the_model_reads_is_refused(tmp_path: Path) -> None:
    chat = LocalChat(write_folder(tmp_path / "short", context=512))
    with pytest.raises(AnswerError, match=r"short reads 512"):
        chat.reply(QUESTIONS[0])


def test_a_folder_is_named_with_its_dots(random: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shutil.copytree(random, tmp_path / "Tiny2.5-0.5B-Instruct")
    assert LocalChat(folder).name == "Tiny2.5-0.5B-Instruct"
    monkeypatch.chdir(folder)
    assert LocalChat(".").name == "Tiny2.5-0.5B-Instruct"


def test_a_flag_or_the_environment_names_it(rigged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_local(str(rigged)) and not is_local(str(rigged.parent)) and not is_local("none.gguf")
    monkeypatch.setenv("GEOGLOT_LLM_URL", "http://127.0.0.1:9/v1")
    assert isinstance(chat_of(model=str(rigged)), LocalChat)
    assert isinstance(chat_of("http://127.0.0.1:9/v1", str(rigged)), OpenAIChat)
    monkeypatch.setenv("GEOGLOT_LLM_MODEL", str(rigged))
    assert isinstance(chat_of(), OpenAIChat)
    monkeypatch.delenv("GEOGLOT_LLM_URL")
    assert isinstance(chat_of(), LocalChat)


def test_what_is_no_language_model_is_said(rigged: Path, packed: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.gguf is not a language model on this disk"):
        LocalChat("none.gguf")
    (tmp_path / "broken.gguf").write_bytes(b"GGUF and no more")
    with pytest.raises(ModelError, match=r"broken\.gguf cannot be loaded"):
        LocalChat(tmp_path / "broken.gguf")
    (tmp_path / "config.json").write_text('{"model_type": "clip"}')
    with pytest.raises(ModelError, match="cannot be loaded"):
        LocalChat(tmp_path)
    mute = tmp_path / "mute"
    mute.mkdir()
    for file in rigged.iterdir():
        if file.name != "chat_template.jinja":
            (mute / file.name).write_bytes(file.read_bytes())
    with pytest.raises(ModelError, match="no chat template"):
        LocalChat(mute)


@pytest.mark.parametrize("cut", ["lm_head.weight", "model.layers.1.mlp.up_proj.weight"])
@pytest.mark.parametrize("how", ["missing", "of another shape"])
def test_weights_that_are_not_there_are_not_made_up(random: Path, tmp_path: Path, cut: str, how: str) -> None:
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(random, tmp_path / "cut")
    weights = load_file(random / "model.safetensors")
    whole = weights.pop(cut)
    if how == "of another shape":
        weights[cut] = whole[:-1].clone()
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"lacks 1 weights|cannot be loaded"):
        LocalChat(folder)


def test_a_head_that_is_tied_is_not_missed(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "tied", tied=True)
    assert LocalChat(folder).name == "tied"


def test_weights_that_are_cut_short_are_said(random: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(random, tmp_path / "short")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    with pytest.raises(ModelError, match="short cannot be loaded as a language model"):
        LocalChat(folder)


def test_weights_that_are_pickled_are_not_read(rigged: Path, tmp_path: Path) -> None:
    import torch

    for file in rigged.iterdir():
        if file.suffix != ".safetensors":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="safetensors"):
        LocalChat(tmp_path)


def test_the_extra_is_named_where_it_is_missing(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modules: dict[str, Any] = {"gguf": None}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    with pytest.raises(MissingExtraError, match=r"geoglot\[gguf\]"):
        LocalChat(packed)
