from __future__ import annotations

from collections.abc import Iterator

import pytest

from geoglot.pairs.collect.collect_run import Collected, collect_pairs
from peers.country import Country, make_country, served, write_recipe
from peers.flickr import KEY


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOGLOT_FLICKR_KEY", KEY)


@pytest.fixture(scope="session")
def country(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Country]:
    """A made-up country and the services that know it."""
    with served(make_country(), tmp_path_factory.mktemp("country") / "cogs") as one:
        yield one


@pytest.fixture(scope="session")
def reference(country: Country, tmp_path_factory: pytest.TempPathFactory) -> Collected:
    """What a run gives that nothing disturbs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEOGLOT_FLICKR_KEY", KEY)
        return collect_pairs(write_recipe(country, tmp_path_factory.mktemp("reference")))
