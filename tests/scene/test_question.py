import numpy as np
import pytest

from geoglot.errors import InputError
from geoglot.scene.absence import ABSENT, absence_notes, presence_of, round_presence
from geoglot.scene.class_words import parse_classes
from geoglot.scene.name_presence import ClassEvidence, Levels
from geoglot.scene.question import TextQuestion, ask_channels
from geoglot.scene.taught_question import question_facts

WATER, BACKGROUND, OTHER = np.eye(3, dtype=np.float32)
#: Three patches: water, something nearer to the background, and something that is neither
SEEN = np.stack([WATER, 0.6 * WATER + 0.8 * BACKGROUND, 0.1 * WATER + OTHER], axis=1)[:, None]


def ask(levels: Levels | None = None, doubt: float = 0.0) -> list[float]:
    question = TextQuestion(("water",), (WATER[None],), (BACKGROUND[None],), 10.0, (), levels, (doubt,))
    assert question.knows_absence == (levels is not None)
    scores = question.scores(SEEN, 0)[0]
    return [round(float(np.log(score / (1 - score))), 1) for score in scores]


def test_a_name_is_there_where_it_fits_better_than_the_background_and_reaches_its_level() -> None:
    assert ask() == [10.0, -2.0, 1.0]
    there = Levels((np.array([0.4], np.float32),), 10.0)
    assert ask(there) == [6.0, -2.0, -3.0]


def test_words_that_were_taught_anew_are_another_question() -> None:
    """A run that was stopped may not go on with the rows of a word that meant something else."""

    def facts(own: np.ndarray = WATER, level: float = 0.4) -> dict[str, object]:
        levels = Levels((np.array([level], np.float32),), 10.0)
        return question_facts(TextQuestion(("roof@roofs",), (own[None],), (BACKGROUND[None],), 10.0, (), levels))

    assert facts() == facts() != facts(OTHER)
    assert facts() != facts(level=0.5)


def test_a_doubt_counts_everywhere() -> None:
    there = Levels((np.array([0.4], np.float32),), 10.0)
    assert ask(there, -7.0) == [-1.0, -9.0, -10.0]


def test_a_cover_gets_the_benefit_of_the_doubt_where_the_general_word_that_fits_best_means_the_same() -> None:
    there = Levels((np.array([1.2], np.float32),), 10.0)  # on unknown ground no patch reaches it
    alone, kin = (
        TextQuestion(("lake",), (WATER[None],), (BACKGROUND[None],), 10.0, (), there, (), (), kin).scores(SEEN, 0)[0]
        for kin in ((), (WATER[None],))
    )
    assert alone[0] < ABSENT < kin[0]
    assert kin[1] == alone[1]  # the background fits better here
    assert kin[2] < ABSENT  # water fits best, and is too unlike it


def test_presence_keeps_the_middle_and_the_order() -> None:
    assert presence_of(ABSENT) == pytest.approx(ABSENT)
    told = [presence_of(score) for score in (0.0, 0.1, 0.4, 0.6, 0.99, 1.0)]
    assert told == sorted(told) and told[0] > 0 and told[-1] < 1


@pytest.mark.parametrize(
    ("presence", "two", "four"),
    [(0.496, 0.49, 0.496), (0.49996, 0.49, 0.4999), (0.494, 0.49, 0.494), (0.5, 0.5, 0.5), (0.503, 0.5, 0.503)],
)
def test_a_presence_below_the_threshold_is_never_shown_as_the_threshold(
    presence: float, two: float, four: float
) -> None:
    assert (round_presence(presence, 2), round_presence(presence, 4)) == (two, four)


def test_absent_names_are_told_in_a_sentence() -> None:
    assert absence_notes([]) == ()
    assert absence_notes(["elephant"]) == (
        "no elephant found: nothing here looks more like one than like anything else",
    )
    (several,) = absence_notes(["elephant", "violin"])
    assert several.startswith("no elephant and no violin found: nothing here looks more like them")
    (many,) = absence_notes([str(number) for number in range(100)])
    assert "nor 80 more" in many


def test_a_class_is_somewhere_if_a_patch_shows_it_and_nothing_else_better() -> None:
    logits = np.array([[[8.0, np.nan]], [[9.0, np.nan]], [[1.0, np.nan]]], np.float32)
    evidence = ClassEvidence(10.0, None, 0.0, np.array([0.0, -2.0], np.float32))
    assert evidence.peaks(logits).tolist() == [-1.0, -1.0]
    evidence = ClassEvidence(10.0, np.array([0.2, 1.0], np.float32), 10.0, np.zeros(2, np.float32))
    assert evidence.peaks(logits) == pytest.approx([-1.0, -1.0])


def test_a_class_of_a_model_has_its_number_and_case_for_nothing() -> None:
    """Questions ask for a tree where the class is trees."""
    names = parse_classes({"tree": [], "way": ["roads", "trees"]})
    question = ask_channels("mine", ("trees", "Road", "road signs"), names)
    assert question.own == ((0,), (1, 0))
    with pytest.raises(InputError, match="mine finds trees, Road and knows no 'house'"):
        ask_channels("mine", ("trees", "Road"), parse_classes("tree, house"))
