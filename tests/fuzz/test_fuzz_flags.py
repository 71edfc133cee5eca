"""Values of every flag of the command line and of every setting: types, ranges, names."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from fuzz.changes import NUMBERS, RAW, TEXTS
from fuzz.oracle import check_message, ends_well, examples
from geoglot.cli.main import COMMANDS, cli
from geoglot.models.zoo import choose_device
from geoglot.settings import load_settings
from geoglot.sources.raster import open_raster
from geoglot.tasks.ask.chat import chat_of

#: A call of each command that is cheap; {} stand for a scene, a model, and a folder to write into
CALLS: dict[str, str] = {
    "info": "{scene} --json", "bands": "{scene} -o {out}/bands.png",
    "classify": "{scene} --classes roof,water --whole --model {model}",
    "segment": "{scene} --classes roof,water -o {out}/map.tif --model {model}",
    "find": "{scene} roof -o {out}/f.geojson --model {model}", "ask": "{scene} ---- --model {model}",
    "datasets check": "folder --data {out}", "datasets tile": "folder --data {out} -o {out}/tiles --side 64",
    "evaluate segmentation": "folder --data {out} --model {model}", "evaluate probe": "aid --data {out} --model {model}",
    "evaluate scorecard": "{out}/r.toml", "train classify": "{out}/r.toml", "export": "{model} -o {out}/m.onnx",
    "models show": "{model}", "models convert": "{scene} --name x -o {out}/m", "models pull": "nothing",
    "pairs collect": "{out}/r.toml", "pairs info": "{out}", "pairs validate": "{out}", "pairs export": "{out} -o {out}/p",
    "pairs import": "{out}/a.csv --tiles {out} --photos {out} --metadata {out} -o {out}/q",
    "search": "{scene} roof --model {model}", "index info": "{out}", "index remove": "{out} a.tif", "index compact": "{out}",
    "index work": "{out}/unit-1.json", "index watch": "{out} roof --since 2024", "index bridge": "{out} roof --onto {out}",
    "index teach": "{out} pier@mine", "index import": "{out}/i {scene}", "index export": "{out} -o {out}/e.parquet",
    "train align": "{out}/r.toml", "train segment": "{out}/r.toml", "train words": "{out}/r.toml", "doctor": "", "demo": "{out}/demo/none",
}  # fmt: skip
SETTINGS = ("DEVICE", "THREADS", "RASTER_CACHE_MB", "LLM_SECONDS", "LLM_URL", "LLM_MODEL", "LLM_KEY", "FLICKR_KEY")
WORDS = st.one_of(
    st.sampled_from([str(value).removeprefix(RAW) for value in (*NUMBERS, *TEXTS)]),
    st.text(max_size=8),
    st.sampled_from(
        ["1,2,3", "red,green", "4,4,4", "0.5,1", "{}", "a {}", "-1,0", "1e5,1", "cuda:99", "none", "sam", "all"]
    ),
)


def flags_of(name: str) -> list[str]:
    """The flags of a command that take a value."""
    first, *rest = name.split()
    module, _, attribute = COMMANDS[first].partition(":")
    command: Any = getattr(importlib.import_module(module), attribute)
    for part in rest:
        command = command.commands[part]
    return [param.opts[-1] for param in command.params if isinstance(param, click.Option) and not param.is_flag]


@pytest.fixture(scope="module")
def names(scene: Path, models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    out = tmp_path_factory.mktemp("out")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(out)
        yield {"scene": str(scene), "model": str(models["clip"]), "out": str(out)}


@pytest.mark.parametrize("name", CALLS)
def test_flags(name: str, names: dict[str, str]) -> None:
    arguments = [text.replace("----", "How many roofs are there?") for text in CALLS[name].format(**names).split()]
    flags = flags_of(name) or ["-v"]

    @examples(1 + len(flags) // 5)
    @given(st.sampled_from(flags), WORDS, st.sampled_from(["", "--overwrite"]))
    def check(flag: str, value: str, more: str) -> None:
        value = value.replace("\0", "").encode("utf-8", "replace").decode()  # no program can be given others
        result = CliRunner(catch_exceptions=False).invoke(cli, [*name.split(), *arguments, flag, value])
        last = result.stderr.strip().splitlines()[-1] if result.stderr.strip() else ""
        assert not last.startswith("geoglot: unexpected"), last
        assert result.exit_code in (0, 1, 2, 3), (result.exit_code, last)
        if result.exit_code in (1, 2) and last.startswith("geoglot: "):
            check_message(last)

    check()


def test_settings(scene: Path) -> None:
    def use() -> None:
        settings = load_settings()
        with open_raster(scene) as raster:
            raster.thumbnail(32)
        choose_device(None)
        if settings.llm_url:
            chat_of()

    @examples(50)
    @given(st.sampled_from(SETTINGS), WORDS.filter(lambda text: "\0" not in text))
    def check(name: str, value: str) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(os.environ, f"GEOGLOT_{name}", value.encode("utf-8", "replace").decode())
            ends_well(use)

    check()
