from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError

import pytest

from geoglot import installation
from geoglot.errors import MissingExtraError


def test_a_missing_extra_is_had_by_the_names_of_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = [
        "torch>=2.6",
        "pydantic-monty>=1.4; extra == 'ask'",
        'httpx2>=2.16 ; extra == "ask"',
        "h5py; extra == 'mat'",
    ]
    monkeypatch.setattr(installation, "requires", lambda name: wanted)
    said = str(MissingExtraError("pydantic-monty", "ask"))
    assert said.startswith("pydantic-monty is not installed; ") and "geoglot[ask]" in said
    assert said.endswith(f'"{sys.executable}" -m pip install "pydantic-monty>=1.4" "httpx2>=2.16"')


def test_without_metadata_it_is_had_by_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> list[str]:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(installation, "requires", unknown)
    assert str(MissingExtraError("h5py", "mat")).endswith('-m pip install "geoglot[mat]"')
