"""How words and bands decide together."""

import pytest
import torch

from geoglot.scene.join import SUREST, join_channels, join_odds, join_shares


def shares(*parts: float) -> torch.Tensor:
    return torch.tensor(parts)[:, None, None]


def odds_of(own: float | int, bands: float | int, allied: float = 0.0) -> float:
    """Log-odds of one name, from those of words and of bands."""
    probability = torch.tensor(float(own)).sigmoid().item()
    rest = 1 - probability
    parts = shares(probability, rest * allied, rest * (1 - allied))
    return float(join_odds(parts, torch.full((1, 1), float(bands))).logit())


def test_without_contradiction_log_odds_add() -> None:
    assert odds_of(-6, -3) == pytest.approx(-9, abs=0.05)
    assert odds_of(1, 2) == pytest.approx(3, abs=0.05)


def test_bands_that_say_nothing_leave_the_surest_words() -> None:
    many = torch.full((45, 1, 1), 1e-5)
    many[7] = 1 - 44e-5
    torch.testing.assert_close(join_shares(many, torch.zeros_like(many)), many)
    assert odds_of(-9, 0) == pytest.approx(-9, abs=0.05)


def test_words_give_way_as_far_as_bands_contradict_them() -> None:
    joined = [odds_of(-8, bands) for bands in (0.5, 1, 2, 3, 4)]
    assert joined == sorted(joined)
    assert joined[0] < -6 < 0 < joined[-1] == pytest.approx(4 - SUREST, abs=0.1)
    assert odds_of(8, -4) == pytest.approx(SUREST - 4, abs=0.1)


def test_classes_that_bands_favour_alike_keep_their_order_and_are_not_diluted() -> None:
    """Of 45 classes, words take a field for water; the bands say of all others the same."""
    words = torch.full((45, 1, 1), 1e-6)
    words[0], words[1] = 0.99, 0.0099
    bands = torch.zeros_like(words)
    bands[0] = -4
    joined = join_shares(words, bands)[:, 0, 0]
    assert joined[1] > 0.8 and joined[1] / joined[2] == pytest.approx(9900, rel=0.01)


def test_bands_cannot_tell_a_name_from_rivals_of_its_cover() -> None:
    """Near infrared tells plants from streets, and not trees from grass."""
    assert odds_of(-3, 4, allied=1.0) == pytest.approx(-3, abs=0.05)
    assert odds_of(-3, 4, allied=0.0) > 0


def test_one_class_of_a_map_is_decided_as_a_name_that_is_looked_for() -> None:
    parts, bands = shares(0.01, 0.2, 0.79), torch.tensor([3.0, 0.0])[:, None, None]
    own, rest = join_channels(parts, bands)
    torch.testing.assert_close(own, join_odds(parts, bands[0]))
    torch.testing.assert_close(own + rest, torch.ones(1, 1))


def test_unknown_stays_unknown() -> None:
    assert join_shares(shares(torch.nan, torch.nan), shares(1.0, 0.0)).isnan().all()
