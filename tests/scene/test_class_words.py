from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from geoglot.errors import ClassesError
from geoglot.models.base import VisionLanguageModel
from geoglot.scene.class_words import ClassWords, fill, parse_classes, parse_words
from geoglot.scene.text_vectors import class_vectors, text_vectors


def test_every_form_of_classes_means_the_same(tmp_path: Path) -> None:
    lines = tmp_path / "c.txt"
    lines.write_text("# land cover\nwater: river, lake\nforest\n")
    mapping = tmp_path / "c.json"
    mapping.write_text('{"water": ["river", "lake"], "forest": []}')
    expected = (ClassWords("water", ("river", "lake")), ClassWords("forest", ("forest",)))
    assert parse_classes(str(lines)) == parse_classes(lines) == parse_classes(str(mapping)) == expected
    lines.write_bytes("\ufeffwater: river, lake\r\nforest\r\n".encode())  # as Windows writes it
    assert parse_classes(lines) == expected
    assert parse_classes(" water ,  bare   soil,") == parse_classes(["water", "bare soil"])


@pytest.mark.parametrize(
    "classes", ["", " , ", [], {}, "a,b,a", ["a", "a"], "missing.txt", {"": ["x"]}, "water: lake, sea"]
)
def test_unusable_classes_are_refused(classes: object) -> None:
    with pytest.raises(ClassesError):
        parse_classes(classes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.txt", "water: lake\nforest\nwater: river\n"),
        ("c.txt", '"water"\nwater\n'),
        ("c.json", '{"water": ["lake"], "forest": [], "water": ["river"]}'),
        ("c.json", '{"water": "lake", " water": "river"}'),
        ("c.json", '["water", "water"]'),
    ],
)
def test_a_class_that_a_file_has_twice_is_refused_and_no_word_of_it_lost(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ClassesError, match="water is there more than once"):
        parse_classes(tmp_path / name)


def test_an_indented_comment_is_no_class(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("water\n  # forest\n\t#road\n")
    assert parse_classes(tmp_path / "c.txt") == (ClassWords("water", ("water",)),)


def test_names_and_questions_that_are_no_texts_are_refused() -> None:
    """In a process of its own, since the tests' own check of types would refuse them first."""
    code = """
from geoglot.errors import ClassesError, InputError
from geoglot.scene.class_words import parse_classes
from geoglot.tasks.ask.ask import Asker
for value in (3, 2.5, None, True, b"water", ["water", None], [3], {"water": 3}, {"water": ["lake", 3]}, {3: ["lake"]}):
    try:
        print("taken", parse_classes(value))
    except ClassesError as error:
        print("must be a text" in str(error))
for value in (3, None, b"how many?", ["how many?"]):
    try:
        print("taken", Asker.ask(None, value))  # before it looks at its scene
    except InputError as error:
        print("must be a text" in str(error))
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split("\n") == ["True"] * 14 + [""]


@pytest.mark.parametrize("text", ["[1, 2]", "3", '{"a": 1}', "{", '{"a": ["x"]'])
def test_a_class_file_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(ClassesError):
        parse_classes(str(path))


@pytest.mark.parametrize("text", ["", "\n \n", "# only a comment\n"])
def test_a_class_file_without_names_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.txt"
    path.write_text(text)
    with pytest.raises(ClassesError, match="txt names no classes"):
        parse_classes(str(path))


@pytest.mark.parametrize("text", ["water, bare soil", "water; bare soil", "water\nbare soil\n", "water;\r\nbare soil"])
def test_names_are_apart_whatever_people_put_between_them(text: str) -> None:
    """European spreadsheets write semicolons, and "$(cat classes.txt)" gives lines."""
    assert [entry.name for entry in parse_classes(text)] == ["water", "bare soil"]


@pytest.mark.parametrize("text", ["water,forest\n", "water; forest\nroad\n", "id,name\n1,water\n"])
def test_several_classes_on_a_line_of_a_file_are_not_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.txt").write_text(text)
    with pytest.raises(ClassesError, match="must hold one class"):
        parse_classes(tmp_path / "c.txt")


def test_doubles_in_a_class_file_are_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "c.txt"
    path.write_text("water: river\nwater: lake\n")
    with pytest.raises(ClassesError, match="more than once"):
        parse_classes(str(path))


class Letters(VisionLanguageModel):
    """Counts letters: a text tower one can check by hand."""

    def encode_text(self, texts: list[str]) -> torch.Tensor:
        counts = torch.tensor([[float(text.count(letter)) for letter in "abc"] for text in texts])
        return torch.nn.functional.normalize(counts, dim=1)


def test_vectors_are_means_over_templates_and_words() -> None:
    model = Letters()
    vectors = text_vectors(model, ["a", "b"], ("{}", "{} c"))
    expected = torch.tensor([1 + 0.5**0.5, 0, 0.5**0.5])
    torch.testing.assert_close(vectors[0], expected / expected.norm())
    both = class_vectors(model, [ClassWords("x", ("a", "b"))], ("{}",))
    torch.testing.assert_close(both[0], torch.tensor([0.5**0.5, 0.5**0.5, 0]))


def test_a_template_without_a_place_is_refused() -> None:
    with pytest.raises(ClassesError, match=r"\{\}"):
        text_vectors(Letters(), ["a"], ("a photo",))


def test_words_and_filling() -> None:
    assert parse_words("'a', \"b c\", \u201cd\u201d, farmer's") == ("a", "b c", "d", "farmer's")
    assert parse_words("a, b c ,") == ("a", "b c") and parse_words("") == ()
    assert fill(("a photo of {}",), "sea") == ["a photo of sea"]


def test_nobody_waits_for_a_pipe_of_classes(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "classes.txt")
    with pytest.raises(ClassesError, match="a device or a pipe"):
        parse_classes(tmp_path / "classes.txt")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_class_file_is_read_in_the_encodings_of_editors(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "words.txt").write_bytes("café: café, bistro\r\nroad\r\n".encode(encoding))
    classes = parse_classes(str(tmp_path / "words.txt"))
    assert [(one.name, one.words) for one in classes] == [("café", ("café", "bistro")), ("road", ("road",))]


def test_a_class_file_that_is_nested_too_deep_is_told(tmp_path: Path) -> None:
    (tmp_path / "words.json").write_text("[" * 100_000)
    with pytest.raises(ClassesError, match=r"words\.json cannot be read"):
        parse_classes(str(tmp_path / "words.json"))


def test_many_classes_are_read_in_linear_time(tmp_path: Path) -> None:
    names = [f"class {number}" for number in range(100_000)]
    (tmp_path / "c.txt").write_text("\n".join(names))
    assert len(parse_classes(tmp_path / "c.txt")) == 100_000
    with pytest.raises(ClassesError, match="class 0, class 1, class 10"):
        parse_classes([*names, *names])
