import pytest

from geoglot.models.zoo import load_word_model
from geoglot.scene.class_words import ClassWords
from geoglot.scene.extents import known_extents
from geoglot.scene.spelling import near_words
from geoglot.scene.wording import word_notes


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("swiming pol", "swimming pool"),
        ("swimming pol", "swimming pool"),
        ("bildings", "buildings"),
        ("tenis court", "tennis court"),
        ("parkinglot", "parking lot"),
        ("large swiming pool", "large swimming pool"),
    ],
)
def test_a_misspelt_word_is_told_with_a_near_one(typed: str, near: str) -> None:
    mini = load_word_model("mini")
    assert dict(near_words(mini.tokenizer, [typed])) == {typed: near}
    notes = word_notes(mini, [ClassWords(typed, (typed,))])
    assert notes == (f"mini does not know {typed!r} as a word: did you mean {near!r}?",)


def test_words_that_are_spelt_well_or_unlike_any_other_have_none() -> None:
    words = ["swimming pool", "viaducts", "crossroad", "greenhouses", "flibbertigibbet", "Straße", "lac", "kitchen"]
    assert not dict(near_words(load_word_model("mini").tokenizer, words))


def test_no_name_of_the_table_of_sizes_is_taken_for_a_misspelling() -> None:
    assert not dict(near_words(load_word_model("mini").tokenizer, list(known_extents())))


def test_of_many_words_in_pieces_only_some_are_compared() -> None:
    latin = [f"bilding{chr(97 + n % 26)}{chr(97 + n // 26)}q" for n in range(300)]
    assert len(dict(near_words(load_word_model("mini").tokenizer, latin))) <= 200
