"""One map for all tests of the routes, since its children load a model."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mapserver import Served, serve_demo


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A map of the scene of the demo and of an archive of it."""
    with serve_demo(tmp_path_factory.mktemp("map")) as running:
        yield running


@pytest.fixture(scope="session")
def scene(served: Served) -> str:
    """The id of the scene."""
    name: str = served.ask("/api/state").json()["scenes"][0]["id"]
    return name


@pytest.fixture(scope="session")
def heat(served: Served, scene: str) -> dict[str, object]:
    """A job that looked for two words, and for one that is not there."""
    job: dict[str, object] = served.run("heat", {"scene": scene, "words": "building, trees, elephant"})
    return job
