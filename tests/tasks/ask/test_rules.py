from __future__ import annotations

import re
from pathlib import Path
from textwrap import indent

import pytest
from polygons import StubScene, budget

from geoglot.errors import AnswerError
from geoglot.tasks.ask.ask import Asker
from geoglot.tasks.ask.grammar.forms import FORMS
from geoglot.tasks.ask.grammar.normalise import plain
from geoglot.tasks.ask.rules import Rules
from geoglot.tasks.ask.sandbox import Sandbox
from geoglot.tasks.ask.vocabulary import Vocabulary

HERE = Path(__file__).parent
#: The objects and forms of RSIVQA's detection part (HRRSD): two forms for each, and the theme of the picture
OBJECTS = (
    "airplane", "baseball diamond", "basketball court", "bridge", "crossroad", "ground track field", "harbor",
    "parking lot", "ship", "storage tank", "t junction", "tennis court", "vehicle",
)  # fmt: skip
SIZES = ("", "small ", "medium ", "large ", "square ", "rectangular ", "circular ")
RELATIONS = ("at the top of", "on the right of", "at the bottom of", "on the left of", "next to")
TAGS = (
    "building", "residential building", "commercial building", "road", "water area", "residential area", "grass area",
    "farmland", "forest", "religious area", "salt pond", "recreation ground", "place of worship", "university",
)  # fmt: skip


def paraphrases(file: str = "paraphrases.txt") -> list[tuple[str, str]]:
    """(question, program with ` ; ` between its lines)."""
    program, pairs = "", []
    for line in (HERE / file).read_text("utf-8").splitlines():
        if line.startswith("= "):
            program = line[2:]
        elif line and not line.startswith("#"):
            pairs.append((line, program))
    return pairs


def unreadable() -> list[str]:
    lines = (HERE / "unreadable.txt").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def program(question: str) -> str:
    return Rules().plan(question).program


def test_at_least_300_paraphrases_become_the_right_program() -> None:
    pairs = paraphrases()
    assert len(pairs) >= 300
    wrong = [question for question, wanted in pairs if program(question).replace("\n", " ; ") != wanted]
    assert wrong == []


def test_everyday_questions_are_read_or_refused_with_the_word_that_is_not_understood() -> None:
    pairs = paraphrases("everyday.txt")
    assert len(pairs) >= 80
    wrong = []
    for question, wanted in pairs:
        try:
            right = program(question).replace("\n", " ; ") == wanted
        except AnswerError as error:
            word = wanted.partition("refused: ")[2]
            right = wanted.startswith("refused") and (not word or f'do not understand "{word}"' in str(error))
        if not right:
            wrong.append(question)
    assert wrong == []


@pytest.mark.parametrize("thing", OBJECTS)
def test_the_forms_of_rsivqa(thing: str) -> None:
    assert program(f"does this picture contain {thing}?").startswith(f'found = find("{thing}")\nanswer(exists(found)')
    assert program(f"how many {thing}s are there in this picture?").startswith(
        f'found = find("{thing}")\nanswer(count(found)'
    )


def test_the_forms_of_rsvqa_generators_are_all_read() -> None:
    def article(words: str) -> str:
        return f"a{'n' if words[0] in 'aeiou' else ''} {words}"

    asked = ["Is it a rural or an urban area"]
    for tag in TAGS:
        for size in SIZES:
            many = f"{size}{tag}s"
            asked += [
                f"Is there {article(size + tag)}",
                f"Is {article(size + tag)} present",
                f"How many {many} are there",
            ]
            asked += [f"What is the number of {many}", f"What is the amount of {many}"]
            asked += [f"What is the area covered by {many}", f"Are there less {many} than small bridges"]
            asked += [f"Is the number of {many} equal to the number of large garages"]
            for relation in RELATIONS:
                asked += [
                    f"Is there {article(size + tag)} {relation} the medieval garage",
                    f"Are there more {many} {relation} a garage than roundabouts",
                ]
                asked += [f"What is the amount of {many}  {relation} a  large garage"]
    refused = []
    for question in asked:
        for end in ("?", " in the image?"):
            try:
                program(question + end)
            except AnswerError:
                refused.append(question + end)
    assert len(asked) > 1500
    assert refused == []


@pytest.mark.parametrize("question", unreadable())
def test_what_the_grammar_cannot_read_is_refused_with_the_nearest_form(question: str) -> None:
    with pytest.raises(AnswerError, match=r'nearest form that I know: "\w'):
        program(question)


def test_a_question_of_any_length_is_read_or_refused_at_once() -> None:
    with pytest.raises(AnswerError, match="300 characters"):
        program("how many " * 1000)
    with pytest.raises(AnswerError):
        program("how many " + "a of the " * 30)


def test_examples_of_all_forms_are_read_as_their_own_form() -> None:
    assert {one.kind for one in FORMS} >= {"presence", "count", "comparison", "area", "share", "rural/urban", "theme",
                                             "location", "nearest", "distance", "colour", "change"}  # fmt: skip
    for one in FORMS:
        assert Rules().plan(one.example).kind == one.kind


def test_every_program_keeps_to_the_vocabulary() -> None:
    shapes = {re.sub(r'"[a-z -]*"|[0-9.]+', "", wanted): wanted for _, wanted in paraphrases("everyday.txt")}
    pairs = [*paraphrases(), *(("", wanted) for wanted in shapes.values())]
    programs = list(
        dict.fromkeys(wanted.replace(" ; ", "\n") for _, wanted in pairs if not wanted.startswith("refused"))
    )
    scene = StubScene({})
    with Sandbox() as sandbox:
        scopes = [f"def program{number}() -> None:\n{indent(one, '    ')}" for number, one in enumerate(programs)]
        for first in range(0, len(scopes), 50):  # a type check of many costs little more than that of one
            sandbox.check("\n".join(scopes[first : first + 50]))
        for one in programs:
            try:
                sandbox.run(one, Vocabulary(scene, scene, budget()))
            except AnswerError as error:  # nothing is there to be measured
                assert "nothing to measure" in str(error) or "division by zero" in str(error), (one, error)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        (
            "How many buildings are larger than two hundred and fifty square metres?",
            "how many buildings are larger than 250m²",
        ),
        ("Is there half a hectare of forest?", "is there 0.5ha of forest"),
        ("Is it within 1,500 m?", "is it within 1500m"),
        ("between one hundred and five hundred metres", "between 100 and 500m"),
        ("Could you please tell me what\u2019s in this satellite image?", "what is in @"),
        ("How many ships are in the first image?", "how many ships are in @before"),
        ("two thousand and five", "2005"),
        ("within two hundred and twenty-five metres", "within 225m"),
        ("a thousand million", "1000000000"),
    ],
)
def test_plain_form(typed: str, read: str) -> None:
    assert plain(typed).removesuffix(" in @") == read.removesuffix(" in @")


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("What is the area of the largest forest within 20 m of a river?", 400),
        ("What is the area of the largest forest next to a river?", 400),
        ("Is the largest forest within 20 m of a river larger than 500 m²?", False),
        ("Is the largest forest within 20 m of a river larger than 300 m²?", True),
        ("What is the area of the largest forest in the right half?", 200),
        ("What is the area of the forest nearest to a river?", 400),
        ("What is the area of forest larger than 300 m² within 20 m of a river?", 400),
        ("What is the area of forest within 20 m of a river larger than 300 m²?", 400),
        ("What is the area of forest larger than 500 m² within 20 m of a river?", 0),
    ],
)
def test_what_is_picked_out_as_a_whole_is_measured_as_a_whole(question: str, value: float) -> None:
    forests = [(0, 0, 60, 60), (150, 150, 170, 170), (0, 500, 10, 520)]
    scene = StubScene({"forest": forests, "river": [(150, 172, 170, 176)]})
    with Asker(scene) as asker:
        assert asker.ask(question).value == pytest.approx(value, rel=0.01)


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("Does water cover more than 2 ha in the north half?", True),  # in two pieces of 1.5 ha
        ("Does water cover more than 4 ha in the north half?", False),
        ("Is the water larger than 2 ha in the north half?", True),
        ("Do ponds cover more than 2 ha in the north half?", True),
        ("Is there a pond larger than 2 ha in the north half?", False),
        (
            "Is there more water than forest in the north half?",
            True,
        ),  # the centre of a forest lies there, and half of it
        ("Is there forest in the south half?", True),
        ("How many hectares of forest are there in the south half?", 1.0),
    ],
)
def test_a_measure_in_a_part_is_of_all_the_ground_in_it(question: str, value: float) -> None:
    ponds = [(0, 0, 50, 300), (60, 0, 110, 300)]
    scene = StubScene({"water": ponds, "pond": ponds, "forest": [(140, 400, 250, 600)]})
    with Asker(scene) as asker:
        assert asker.ask(question).value == pytest.approx(value, rel=0.01)


@pytest.mark.parametrize("word", ["area", "place", "region", "site"])
@pytest.mark.parametrize(
    "question",
    ["Is the {} larger than 2 ha?", "How many {}s are there?", "What percent of the {} is within 100 m of a road?"],
)
def test_a_word_for_any_ground_is_no_thing_to_look_for(question: str, word: str) -> None:
    with pytest.raises(AnswerError):
        program(question.format(word))


@pytest.mark.parametrize(
    ("question", "call"),
    [
        ("How many buildings larger than 1234567 m2 are there?", 'larger(find("building"), 1234567)'),
        ("How many lakes smaller than 1234567.5 m2 are there?", 'smaller(find("lake"), 1234567.5)'),
        (
            "How many lakes between 1234567 and 7654321 m2 are there?",
            'smaller(larger(find("lake"), 1234567), 7654321)',
        ),
        ("How many lakes larger than 1,234,567.5 m2 are there?", 'larger(find("lake"), 1234567.5)'),
        ("How many lakes larger than 0,500 ha are there?", 'larger(find("lake"), 5000)'),
        ("How many lakes larger than 0,5 ha are there?", 'larger(find("lake"), 5000)'),
        ("How many houses are within 1234567 m of a lake?", 'near(find("house"), find("lake"), 1234567)'),
        ("What is the area of forest within 1234567 m of a lake?", 'around(find("lake"), 1234567)'),
        ("Is the largest building larger than 1234567 m2?", "area > 1234567,"),
        ("Is the runway longer than 1234567 m?", "> 1234567,"),
    ],
)
def test_numbers_keep_all_their_digits_and_their_point(question: str, call: str) -> None:
    assert call in program(question)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Which quarter has the most forest?", "There are 2 areas of forest, most of them in the upper left quarter."),
        ("Which quarter has the most ships?", "There is no ship, no quarter has the most."),
        ("What is the dominant land cover: water or sand?",
         "Of water and sand, none covers the largest share of the scene."),
        ("How many forests are near the river?", "There is 1 area of forest within 100 m of the river."),
        ("How many forests are near a river?", "There is 1 area of forest within 100 m of a river."),
    ],
)  # fmt: skip
def test_sentences_have_a_winner_or_say_that_there_is_none(question: str, text: str) -> None:
    scene = StubScene({"forest": [(0, 0, 60, 60), (500, 500, 520, 520)], "river": [(520, 520, 530, 530)]})
    with Asker(scene) as asker:
        assert asker.ask(question).text == text


def test_a_refusal_names_the_word_that_is_no_word() -> None:
    with pytest.raises(AnswerError, match='do not understand "sdfkjh"'):
        Rules().plan("How many sdfkjh are there?")


@pytest.mark.parametrize(
    ("name", "question", "program"),
    [
        ("woods", "How many woods are there?", 'count(find("woods"))'),
        ("pool", "How many pools are there?", 'count(find("pool"))'),
        ("red roof", "How many red roofs are there?", 'count(find("red roof"))'),
        ("large trees", "How many large trees are there?", 'count(find("large trees"))'),
        ("Dächer", "How many Dächer are there?", 'count(find("Dächer"))'),
        ("roof 2", "How many roof 2 are there?", 'count(find("roof 2"))'),
        ("lawn", "How many red roofs are there?", 'count(coloured(find("roof"), "red"))'),
    ],
)
def test_a_class_of_the_model_is_itself_in_a_question(name: str, question: str, program: str) -> None:
    """Without it, woods are forest, and red roofs are roofs that are red."""
    found, answer = Rules([name]).plan(question).program.splitlines()
    assert answer.replace("found", found.removeprefix("found = ")).startswith(f"answer({program}")


@pytest.mark.parametrize("name", ['5" pipe', "{count}", "a\\b"])
def test_a_class_that_no_program_can_hold_changes_none(name: str) -> None:
    assert Rules([name]).plan("How many roofs are there?") == Rules().plan("How many roofs are there?")
