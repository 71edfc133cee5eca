import json
from importlib.resources import as_file, files
from pathlib import Path

import pytest
import torch
from evaluate import unread
from phrases import OTHER_TEMPLATES, THESAURUS, held_words, read, untested, whole_words
from student import WIDEST, Student, make_card
from tokenizers import Tokenizer
from views import fingerprint

import geoglot.models.mini as package
from geoglot.models.mini.mini import Mini

SEEN = ["an airport", "two ports"]


@pytest.fixture
def student() -> Student:
    with as_file(files(package) / "weights" / "tokenizer.json") as path:
        count = Tokenizer.from_file(str(path)).get_vocab_size()
        torch.manual_seed(0)
        mini = Mini(make_card(count, 20.0), path)
        return Student(mini, torch.randn(count, 256), mini.text.tokens(SEEN)[0].unique())


def test_no_word_kept_aside_is_drawn_from_the_vocabulary(student: Student) -> None:
    words = whole_words(student.mini.text.tokenizer)
    assert len(words) > 20_000 and {"airport", "railway", "planet"} <= {*words}
    assert not {*held_words(words), "estate", "depots", "terminal"} & {*words}
    assert untested(["lorries", "woods", "pastures", "estate", "wood", "harbours"]) == ["wood"]


@pytest.mark.parametrize("spoilt", ['"seaside"', '"two pastures"', '"lorries"'])
def test_a_thesaurus_with_a_word_kept_aside_is_refused(spoilt: str, tmp_path: Path) -> None:
    text = THESAURUS.read_text(encoding="utf-8")
    (tmp_path / "spoilt.toml").write_text(text.replace('"beach"', f'"beach", {spoilt}', 1), encoding="utf-8")
    with pytest.raises(ValueError, match="kept aside for testing"):
        read(tmp_path / "spoilt.toml")
    assert read().words() and not {*read().names, *read().sentences} & {*OTHER_TEMPLATES}


def test_what_captions_say_is_no_unread_word(tmp_path: Path) -> None:
    line = {"captions": ["Many chapels stand beside a harbour .", "a mountain"]}
    (tmp_path / "train.jsonl").write_text(json.dumps(line) + "\n")
    kinds = unread(tmp_path / "train.jsonl")
    assert "church" not in kinds and "port" not in kinds and kinds["mountain"] == "mountain range"


def test_views_are_of_one_image_tower_and_one_way_of_looking(student: Student) -> None:
    image = student.mini.image
    first = fingerprint(image, (2, 224))
    assert fingerprint(image, (3, 224)) != first == fingerprint(image, (2, 224))
    with torch.no_grad():
        image.fine.bias[3] += 1e-3
    assert fingerprint(image, (2, 224)) != first


def test_what_is_published_says_what_the_student_says_of_words_it_never_read(student: Student) -> None:
    loss = student.texts([*SEEN, "a glacier"]).sum(1).square().mean()
    loss.backward()
    with torch.no_grad():
        student.change.weight -= 10 * student.change.weight.grad
        student.mini.load_state_dict(student.published())
        wanted, said = (of([*SEEN, "a glacier", "lava"]) for of in (student.texts, student.mini.encode_text))
    torch.testing.assert_close(said, wanted, atol=0.02, rtol=0)
    assert student.change.weight[:-1].any() and not student.change.weight[-1].any()


def test_the_logit_scale_is_taken_back_to_its_limit_and_can_leave_it(student: Student) -> None:
    with torch.no_grad():
        student.log_scale.fill_(WIDEST + 1)
    student.bound()
    assert student.log_scale == WIDEST
    student.scale().backward()
    assert student.log_scale.grad is not None and student.log_scale.grad > 0
