import numpy as np
import pytest

from geoglot.tasks.change.legends import transition_legend


@pytest.mark.parametrize("name", ["water", "pool", "forest", "grass", "field", "building", "road", "bare soil", "dune"])
def test_what_came_and_what_went_can_be_told_apart(name: str) -> None:
    legend = transition_legend(["other", name])
    assert legend.names == (f"other to {name}", f"{name} to other")
    came, went = np.array(legend.colours, float)
    assert np.linalg.norm(came - went) > 90
