import numpy as np
import pytest

from geoglot.outputs.legend import Legend
from geoglot.outputs.palette import OTHER_COLOUR
from geoglot.outputs.vision import distances
from geoglot.tasks.change.legends import transition_legend


@pytest.mark.parametrize("name", ["water", "pool", "forest", "grass", "field", "building", "road", "bare soil", "dune"])
def test_what_came_and_what_went_can_be_told_apart(name: str) -> None:
    legend = transition_legend(["other", name])
    assert legend.names == (f"other to {name}", f"{name} to other")
    came, went = np.array(legend.colours, float)
    assert np.linalg.norm(came - went) > 90


@pytest.mark.parametrize("classes", [["water", "trees", "building"], ["trees", "grass", "building", "road"], [*"abcd"]])
def test_changes_between_few_classes_look_different_to_everybody(classes: list[str]) -> None:
    legend = transition_legend(["other", *classes])
    colours = [*legend.colours, OTHER_COLOUR]
    apart = distances(colours, colours) + 1e3 * np.eye(len(colours))
    assert apart.min() > 5


def test_what_comes_has_the_colour_of_its_class() -> None:
    legend, own = transition_legend(["other", "water", "trees"]), Legend(("water", "trees"))
    assert (legend.colour_of("other to water"), legend.colour_of("other to trees")) == own.colours


def test_very_many_changes_have_colours_in_no_time() -> None:
    legend = transition_legend([f"kind {number}" for number in range(200)])
    assert len(legend.colours) == 200 * 199
