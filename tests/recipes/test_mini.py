from importlib.resources import as_file, files

import pytest
import torch
from evaluate import OTHER_WORDS
from phrases import held_words, untested
from relearn import whole_words
from student import WIDEST, Student, make_card
from tokenizers import Tokenizer

import geoglot.models.mini as package
from geoglot.models.mini.model import Mini

SEEN = ["an airport", "two ports"]


@pytest.fixture
def student() -> Student:
    with as_file(files(package) / "weights" / "tokenizer.json") as path:
        count = Tokenizer.from_file(str(path)).get_vocab_size()
        torch.manual_seed(0)
        mini = Mini(make_card(count, 20.0), path)
        return Student(mini, torch.randn(count, 256), mini.text.tokens(SEEN)[0].unique())


def test_no_word_kept_aside_is_learned(student: Student) -> None:
    words = whole_words(student.mini.text.tokenizer)
    assert len(words) > 20_000 and {"airport", "railway", "planet"} <= {*words}
    assert not held_words(words)
    assert not {part for phrase in OTHER_WORDS.values() for part in phrase.split()} & {*words}
    assert untested(["lorries", "woods", "pastures", "estate", "wood", "harbours"]) == ["wood"]


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
