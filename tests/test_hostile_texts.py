"""Texts of strangers that explode when they are parsed, or that no library accepts, are refused in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from polygons import StubScene

from geoglot.datasets.coco import read_coco
from geoglot.datasets.yolo import read_yaml
from geoglot.errors import ClassesError, GeoglotError, InputError, ModelError, SourceError
from geoglot.models.zoo import choose_device
from geoglot.pairs.pair_store import PairSet
from geoglot.recipe import read_recipe
from geoglot.scene.class_words import parse_classes
from geoglot.settings import Settings, load_settings
from geoglot.tables import parse_json, read_toml
from geoglot.tasks.ask.ask import Asker
from geoglot.tasks.ask.plan import Plan
from geoglot.training.metrics_log import METRICS, MetricsLog
from geoglot.training.train_align import AlignRecipe

DEEP = "[" * 100_000


@pytest.mark.parametrize(
    "text",
    [
        "a." * 10**5 + "b = 1",
        f"[{'a . ' * 10**4}b]",
        "'a b'." * 10**4 + "c = 1",
        f"a = {DEEP}",
        "a = " + "{b=" * 9999,
        "#" * 2**21,
    ],
)
def test_toml_that_explodes_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(text)
    with pytest.raises((SourceError, ValueError), match=r"nested too deep|at most 4,000 dots|more than 262,144 bytes"):
        read_toml(tmp_path / "r.toml")
    with pytest.raises(InputError, match="cannot be read"):
        read_recipe(tmp_path / "r.toml", AlignRecipe)


def test_dots_in_texts_and_short_keys_are_no_harm(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(f'a.b."c.d" = "{"one of. " * 999}"')
    assert read_toml(tmp_path / "r.toml")["a"]["b"]["c.d"].startswith("one")


def test_json_that_is_nested_too_deep_is_no_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nested too deep"):
        parse_json(DEEP)
    (tmp_path / "pairs.json").write_text(DEEP)
    with pytest.raises(SourceError, match="nested too deep"):
        PairSet.open(tmp_path)


@pytest.mark.parametrize(
    "row",
    [
        {"name": "../other", "tiles": 1, "photos": 1},
        {"name": "/etc", "tiles": 1, "photos": 1},
        {"name": "..", "tiles": 1, "photos": 1},
        {"name": "shard-00000", "tiles": -1, "photos": 1},
        {"name": "shard-00000", "tiles": 1.5, "photos": "1"},
        {"name": 3},
    ],
)
def test_a_shard_lies_in_its_set(row: dict[str, object], tmp_path: Path) -> None:
    index = {"format": 1, "bands": ["red"], "side": 8, "resolution": 1.0, "shards": [row]}
    (tmp_path / "pairs.json").write_text(json.dumps(index))
    with pytest.raises(SourceError, match=r"pairs.json of .* cannot be read"):
        PairSet.open(tmp_path)


def test_names_of_yaml_that_hold_one_another_are_refused(tmp_path: Path) -> None:
    lines = [
        "a0: &a0 [x, x, x, x, x, x, x, x]",
        *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]" for n in range(1, 12)),
    ]
    (tmp_path / "data.yaml").write_text("\n".join([*lines, "names: {0: *a11}"]))
    with pytest.raises(SourceError, match=r"names in .* must be a list|aliases"):
        read_yaml(tmp_path / "data.yaml")


@pytest.mark.parametrize("text", ["names: !!timestamp x", "names: !!bool x", "names: !!int ''", "a: !!float x"])
def test_yaml_that_its_library_stumbles_over_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(SourceError, match="cannot be read as YAML"):
        read_yaml(tmp_path / "data.yaml")


def test_numbers_of_coco_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text('{"images": [], "annotations": [], "categories": [{"id": 1e999, "name": "a"}]}')
    with pytest.raises(SourceError, match="is not a COCO file"):
        read_coco(tmp_path / "c.json")


def test_half_characters_are_no_names_and_no_programs(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text('["roof", "a\\ud800"]')
    with pytest.raises(ClassesError, match="holds U\\+D800"):
        parse_classes(tmp_path / "c.json")
    with Asker(StubScene({})) as asker:
        assert "half a character" in asker.run("?", Plan('answer("\ud800")')).text


def test_metrics_that_are_none_are_left_out(tmp_path: Path) -> None:
    (tmp_path / METRICS).write_text(f'{{"step": 1, "loss": 2}}\n{{"step": "x"}}\n[1]\n{DEEP}\n{{"st')
    MetricsLog(tmp_path, 3)
    assert (tmp_path / METRICS).read_text() == '{"step": 1, "loss": 2}\n'


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("THREADS", "9" * 5000), ("THREADS", "100000"), ("THREADS", "\u00b2"), ("RASTER_CACHE_MB", str(2**63)),
        ("LLM_SECONDS", "inf"), ("LLM_KEY", "k\u00e9y"), ("LLM_KEY", "a\nHost: b"), ("MAPILLARY_TOKEN", "a\x1bb"),
        ("FLICKR_KEY", "\U0001f3e0"),
    ],
)  # fmt: skip
def test_settings_beyond_what_can_be_are_refused(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"GEOGLOT_{name}", value)
    with pytest.raises(InputError, match=f"GEOGLOT_{name} must be") as raised:
        load_settings()
    assert not name.endswith(("KEY", "TOKEN")) or value not in str(raised.value)
    assert repr(Settings(llm_key="secret")).count("secret") == 0


@pytest.mark.parametrize("name", ["meta", "cuda:99999999999999999999", "\0", "xla", "cpu:" + "9" * 40])
def test_devices_that_compute_nothing(name: str) -> None:
    with pytest.raises(ModelError, match="cannot be used here"):
        choose_device(name)


def test_a_message_is_one_visible_line() -> None:
    told = str(GeoglotError(f"a\x1b[2J\n{'b' * 9999}; do this"))
    assert len(told) < 400 and "\n" not in told and "\x1b" not in told and told.endswith("; do this")
