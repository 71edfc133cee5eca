from __future__ import annotations

from pathlib import Path

import pytest

from geoglot.errors import InputError
from geoglot.settings import load_settings


def test_numbers_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEOGLOT_THREADS", raising=False)
    monkeypatch.setenv("GEOGLOT_RASTER_CACHE_MB", "64")
    assert (load_settings().threads, load_settings().raster_cache_mb) == (None, 64)


@pytest.mark.parametrize("text", ["two", "0", "-1", "1.5", ""])
def test_what_is_no_number_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("GEOGLOT_THREADS", text)
    with pytest.raises(InputError, match="GEOGLOT_THREADS"):
        load_settings()


def test_keys_of_services_are_in_no_picture_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOGLOT_FLICKR_KEY", " key-of-flickr ")
    monkeypatch.setenv("GEOGLOT_MAPILLARY_TOKEN", "token-of-mapillary")
    monkeypatch.setenv("GEOGLOT_LLM_KEY", "key-of-server\n")  # as a file of keys ends
    settings = load_settings()
    assert (settings.flickr_key, settings.mapillary_token) == ("key-of-flickr", "token-of-mapillary")
    assert settings.llm_key == "key-of-server"
    assert "key-of" not in repr(settings) and "token-of" not in repr(settings)


def test_an_unknown_precision_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOGLOT_PRECISION", "float16")
    with pytest.raises(InputError, match="GEOGLOT_PRECISION must be one of auto, float32, bfloat16, int8"):
        load_settings()


@pytest.mark.parametrize(("variable", "field"), [("GEOGLOT_CACHE", "cache"), ("GEOGLOT_CONCEPTS", "concepts")])
def test_a_folder_may_be_below_home_and_an_empty_one_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, field: str
) -> None:
    monkeypatch.delenv(variable, raising=False)
    usual = getattr(load_settings(), field)
    for text in ("", " "):
        monkeypatch.setenv(variable, text)
        assert getattr(load_settings(), field) == usual and usual.is_absolute()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(variable, "~/kept")
    assert getattr(load_settings(), field) == tmp_path / "kept"
