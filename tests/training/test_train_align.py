from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from geoglot.cli.main import cli
from geoglot.errors import GeoglotError, InputError
from geoglot.models.clip import Clip
from geoglot.models.graft import Graft, start_graft
from geoglot.models.zoo import load_word_model
from geoglot.pairs.pair_store import PairSet
from geoglot.pairs.schema import PHOTO_TABLE
from geoglot.training.checkpoint import NAME
from geoglot.training.train_align import train_align
from geoglot.training.trained import Trained
from pairsets import make_batch, make_pairs
from tinyclip import store_clip

RECIPE = """
name = "tiny-graft"
pairs = "pairs"
validation = "validation"
output = "{output}"
ground = "tiny"
[sampling]
batch = 4
side = 64
[loss]
level = "{level}"
[fit]
steps = {steps}
rate = 1e-3
average = 0.9
checkpoint_every = 3
evaluate_every = 5
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ground CLIP and two pair sets."""
    made = tmp_path_factory.mktemp("training")
    store_clip(made / "tiny")
    make_pairs(made / "pairs")
    make_pairs(made / "validation", (4,), seed=90)
    return made


def recipe(folder: Path, output: str, level: str = "image", steps: int = 8, extra: str = "") -> Path:
    path = folder / f"{output}.toml"
    path.write_text(RECIPE.format(output=output, level=level, steps=steps) + extra)
    return path


@pytest.mark.parametrize("level", ["image", "pixel", "both"])
def test_a_recipe_gives_a_model_that_has_learned(folder: Path, level: str) -> None:
    done = train_align(recipe(folder, f"out-{level}", level, steps=25))
    rows = [json.loads(line) for line in done.metrics.read_text().splitlines()]
    assert [row["step"] for row in rows] == list(range(1, 26))
    losses = [row["loss"] for row in rows]
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.05
    assert "photo_recall_at_1" in rows[4] and "photo_recall_at_1" in rows[-1]
    model = load_word_model(done.model)
    assert isinstance(model, Graft) and model.card.resolution == (1.0, 1.0)
    assert model.encode_patches(torch.rand(1, 3, 64, 64)).shape == (1, 32, 4, 4)


def test_a_run_starts_from_another_graft(folder: Path) -> None:
    """With a rate of nothing the weights stay those of the start, except for the texts, which are the ground CLIP's."""
    first = train_align(recipe(folder, "first", "pixel", steps=3)).model
    text = recipe(folder, "second", "image", steps=1).read_text()
    (folder / "second.toml").write_text(f'start = "first/model"\n{text}'.replace("rate = 1e-3", "rate = 1e-12"))
    second = train_align(folder / "second.toml").model
    one, other = load_word_model(first), load_word_model(second)
    assert (one.card.level, other.card.level) == ("pixel", "image")
    assert other.card.source == "GRAFT (arXiv 2312.06960), begun from tiny-graft"
    ground = load_word_model(folder / "tiny")
    for name, tensor in other.state_dict().items():
        expected = ground.state_dict()[name] if name.startswith("text_") else one.state_dict()[name]
        torch.testing.assert_close(tensor, expected, atol=1e-6, rtol=0)


def test_a_tower_of_other_dimensions_is_no_start(folder: Path) -> None:
    text = recipe(folder, "third").read_text()
    (folder / "third.toml").write_text(f'start = "mini"\n{text}')
    with pytest.raises(InputError, match="start must be a GRAFT or a CLIP"):
        train_align(folder / "third.toml")
    ground, other = (load_word_model(folder / "tiny") for _ in range(2))
    other.card = replace(other.card, dim=16)
    assert isinstance(ground, Clip) and isinstance(other, Clip)
    with pytest.raises(InputError, match=r"ground CLIP tiny \(32\), got tiny with 16"):
        start_graft(ground, "a", 1.0, 64, start=other)
    with pytest.raises(InputError, match=r"no more bands than the pairs have \(3\), got b with 4"):
        start_graft(ground, "a", 1.0, 64, start=start_graft(ground, "b", 1.0, 64, 1))


def test_bands_are_added_to_a_tower_that_sees_fewer(folder: Path) -> None:
    ground = load_word_model(folder / "tiny")
    assert isinstance(ground, Clip)
    wider = start_graft(ground, "b", 1.0, 64, 2, start=start_graft(ground, "a", 1.0, 64, 1))
    pixels = torch.rand(1, 5, 64, 64)
    torch.testing.assert_close(wider.encode_image(pixels), ground.encode_image(pixels[:, :3]))


def test_epochs_stand_for_steps(folder: Path) -> None:
    text = recipe(folder, "epochs").read_text().replace("steps = 8", "epochs = 1.5")
    (folder / "epochs.toml").write_text(text)
    done = train_align(folder / "epochs.toml")
    tiles = PairSet.open(folder / "pairs").tiles
    assert done.steps == -(-3 * tiles // 8)  # 1.5 epochs in batches of 4
    assert len(done.metrics.read_text().splitlines()) == done.steps


def weights(folder: Path) -> bytes:
    return (folder / "model" / "weights.safetensors").read_bytes()


@pytest.fixture(scope="module")
def straight(folder: Path) -> Trained:
    """A run that nothing stopped."""
    return train_align(recipe(folder, "straight"))


@pytest.mark.parametrize("last", [2, 5, 7])
def test_killed_and_run_again_gives_the_same_bytes(folder: Path, straight: Trained, last: int) -> None:
    """Before the first checkpoint, and after each."""
    path = recipe(folder, f"killed-{last}")
    code = (
        "import os, signal, sys; from pathlib import Path; from geoglot.training.train_align import train_align\n"
        "path, last = Path(sys.argv[1]), int(sys.argv[2])\n"
        "train_align(path, report=lambda step, *_: step == last and os.kill(os.getpid(), signal.SIGKILL))"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(path), str(last)], capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    kept = last // 3 * 3
    assert (folder / path.stem / NAME).exists() == bool(kept) and not (folder / path.stem / "model").exists()
    seen: list[int] = []
    again = train_align(path, report=lambda step, *_: seen.append(step))
    assert seen == list(range(kept + 1, 9))
    assert weights(folder / "straight") == weights(folder / path.stem)
    assert [json.loads(line)["step"] for line in again.metrics.read_text().splitlines()] == list(range(1, 9))
    assert again.figures["loss"] == straight.figures["loss"]


_GRADIENTS = """
import sys
import torch
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from safetensors.torch import save_file
from geoglot.models.graft import start_graft
from geoglot.models.zoo import load_word_model
from geoglot.pairs.embed_photos import embed
from geoglot.pairs.pair_store import PairSet
from geoglot.training.align_objective import AlignObjective, AlignSettings, SatelliteModel
from geoglot.training.pair_batches import PairLoader, PairSampling
from geoglot.training.processes import average_gradients, join_processes

folder = Path(sys.argv[1])
ground = load_word_model(folder / "tiny")
pairs = PairSet.open(folder / "pairs")
embed(pairs, ground)
settings = AlignSettings(level="both", learn_temperature=True, skip_near_m=700.0, skip_own_tile=True)
with join_processes(torch.device("cpu")) as process:
    model = SatelliteModel(start_graft(ground, "graft", 1.0, 64), settings)
    loader = PairLoader(pairs, ground.card.sha256, 16, PairSampling(batch=6, side=64), process)
    figures = AlignObjective(model, settings, loader, None, False).backward(loader.batch(0))
    learned = {name: one for name, one in model.named_parameters() if one.requires_grad}
    average_gradients(list(learned.values()))
    told = {name: torch.tensor(value) for name, value in figures.items()}
    grads = {name: one.grad for name, one in learned.items()}
    save_file(told | grads, folder / f"gradients-{process.world_size}-{process.rank}")
"""


def test_two_processes_are_one(folder: Path) -> None:
    """Gradient and figures are those of the joint batch, also where photos of other processes are left out."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2"}
    alone, first, second = (
        subprocess.Popen([sys.executable, "-c", _GRADIENTS, str(folder)], env={**os.environ, **more})
        for more in ({}, place | {"RANK": "0"}, place | {"RANK": "1"})
    )
    assert [run.wait(timeout=300) for run in (alone, first, second)] == [0, 0, 0]
    whole, *halves = (load_file(folder / f"gradients-{name}") for name in ("1-0", "2-0", "2-1"))
    assert len(whole) > 20 and {"loss", "photos"} < set(whole)
    for name, grad in whole.items():
        for half in halves:
            torch.testing.assert_close(half[name], grad, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (("batch = 4", "bach = 4"), 2, "no key 'bach'"),
        (("batch = 4", 'batch = "four"'), 2, "sampling.batch must be a whole number"),
        (('level = "image"', 'level = "word"'), 2, "'image', 'pixel' or 'both'"),
        (('name = "tiny-graft"', ""), 2, "'name' is missing"),
        (("batch = 4", "batch = 4 4"), 2, "cannot be read"),
        (("side = 64", "side = 60"), 2, "multiple of the patch of 16 px"),
        (("side = 64", "side = 128"), 2, "up to 96"),
        (('pairs = "pairs"', 'pairs = "nowhere"'), 1, "not a pair set"),
        (('ground = "tiny"', 'ground = "mini"'), 2, "ground must be a CLIP"),
        (('ground = "tiny"', 'ground = "none"'), 1, "geoglot models list"),
        (("[loss]", "[loss]\nparts = 3"), 2, "does not divide"),
        (("batch = 4", "batch = 40"), 2, "a batch of 40 tiles is more than the 14 of"),
        (("batch = 4", "batch = 1"), 2, "sampling.batch must be 2 or more, got 1"),
        (
            ('pairs = "pairs"', 'pairs = "one-tile"'),
            2,
            "one-tile holds one tile: a tile is learned by the photos of other",
        ),
        (('ground = "tiny"', 'ground = "straight/model"'), 2, "is of the family 'graft'"),
    ],
)
@pytest.mark.usefixtures("straight")
def test_a_wrong_recipe_gets_one_sentence(folder: Path, change: tuple[str, str], code: int, words: str) -> None:
    path = recipe(folder, "wrong")
    path.write_text(path.read_text().replace(*change))
    if "one-tile" in change[1]:
        make_pairs(folder / "one-tile", (1,))
    result = CliRunner().invoke(cli, ["train", "align", str(path)])
    assert result.exit_code == code, result.output
    assert words in result.stderr and "Traceback" not in result.stderr and result.stdout == ""
    assert not (folder / "wrong" / NAME).exists()


def test_a_checkpoint_of_another_recipe_and_a_complete_run_are_told(folder: Path) -> None:
    path = recipe(folder, "other", steps=4)
    assert CliRunner().invoke(cli, ["train", "align", str(path), "-q"]).exit_code == 0
    result = CliRunner().invoke(cli, ["train", "align", str(path), "-q"])
    assert result.exit_code == 1 and "is complete" in result.stderr
    (folder / "other" / "model").rename(folder / "other" / "first")
    result = CliRunner().invoke(cli, ["train", "align", str(recipe(folder, "other", steps=5)), "-q"])
    assert result.exit_code == 2 and "another recipe" in result.stderr


def test_a_run_does_not_go_on_with_a_pair_set_that_was_added_to(folder: Path, tmp_path: Path) -> None:
    pairs = make_pairs(tmp_path / "pairs", (5, 3))
    path = recipe(folder, "added", steps=4)
    path.write_text(path.read_text().replace('pairs = "pairs"', f'pairs = "{tmp_path / "pairs"}"'))
    shutil.rmtree(train_align(path).model)
    pairs.append(make_batch(2, seed=9))
    with pytest.raises(InputError, match="of other data"):
        train_align(path)


def test_what_stops_a_run_is_told_before_photos_are_looked_at(folder: Path, tmp_path: Path) -> None:
    """A checkpoint of other data, TensorBoard that is not there, a validation set that shows nothing."""
    path = recipe(folder, "late", steps=4)
    shutil.rmtree(train_align(path).model)
    for name in ("pairs", "corners"):
        make_pairs(tmp_path / name, (4,))
    photos = tmp_path / "corners" / "shard-00000" / PHOTO_TABLE
    table = pq.read_table(photos)
    for axis in ("row", "col"):
        table = table.set_column(table.column_names.index(axis), axis, pa.array([1.0] * table.num_rows))
    pq.write_table(table, photos)
    text = path.read_text().replace('pairs = "pairs"', f'pairs = "{tmp_path / "pairs"}"')
    other = text.replace('output = "late"', 'output = "later"')
    empty = other.replace('validation = "validation"', f'validation = "{tmp_path / "corners"}"')
    for wrong, words in (
        (text, "of other data"),
        (other + "tensorboard = true\n", r"geoglot\[tensorboard\]"),
        (empty, "no photo of .* lies in the middle 64 px"),
    ):
        path.write_text(wrong)
        with pytest.raises(GeoglotError, match=words):
            train_align(path)
    assert not list(tmp_path.rglob("vectors-*"))


def test_a_validation_set_of_other_bands_is_refused(folder: Path, tmp_path: Path) -> None:
    make_pairs(tmp_path / "wide", (4,), bands=4)
    path = recipe(folder, "bands")
    path.write_text(path.read_text().replace('pairs = "pairs"', f'pairs = "{tmp_path / "wide"}"'))
    with pytest.raises(InputError, match="bands of the pairs, red, green, blue, nir, got red, green, blue in"):
        train_align(path)


def test_colours_in_another_order_are_refused(folder: Path, tmp_path: Path) -> None:
    PairSet.create(tmp_path / "pairs", ("nir", "red", "green"), 96, 1.0).append(make_batch(4))
    path = recipe(folder, "colours")
    path.write_text(
        path.read_text()
        .replace('pairs = "pairs"', f'pairs = "{tmp_path / "pairs"}"')
        .replace('validation = "validation"\n', "")
    )
    with pytest.raises(InputError, match="must be red, green, blue, got nir, red, green"):
        train_align(path)


def test_the_model_answers_with_the_scale_of_its_training(folder: Path, straight: Trained) -> None:
    assert load_word_model(straight.model).card.logit_scale == pytest.approx(1 / 0.07, rel=1e-6)
    path = recipe(folder, "learned")
    path.write_text(path.read_text().replace("[loss]", "[loss]\nlearn_temperature = true\ntemperature = 0.2"))
    learned = load_word_model(train_align(path).model).card.logit_scale
    assert learned != pytest.approx(5, rel=1e-4) and learned == pytest.approx(5, rel=0.1)


def test_a_run_that_is_no_longer_finite_stops_and_leaves_no_model(folder: Path) -> None:
    path = recipe(folder, "diverged")
    path.write_text(path.read_text().replace("rate = 1e-3", "rate = 1e30"))
    result = CliRunner().invoke(cli, ["train", "align", str(path), "-q"])
    assert result.exit_code == 1 and "lower fit.rate" in result.stderr
    assert not (folder / "diverged" / "model").exists()


def test_a_damaged_pair_set_is_told_before_any_time_is_spent(folder: Path, tmp_path: Path) -> None:
    make_pairs(tmp_path / "pairs", (3,))
    (tmp_path / "pairs" / "shard-00000" / PHOTO_TABLE).unlink()
    path = recipe(folder, "damaged")
    path.write_text(path.read_text().replace('pairs = "pairs"', f'pairs = "{tmp_path / "pairs"}"'))
    result = CliRunner().invoke(cli, ["train", "align", str(path)])
    assert result.exit_code == 1 and PHOTO_TABLE in result.stderr


def test_a_batch_that_does_not_divide_is_told_before_photos_are_looked_at(folder: Path, tmp_path: Path) -> None:
    make_pairs(tmp_path / "pairs", (3,))
    path = recipe(folder, "undivided")
    path.write_text(
        path.read_text()
        .replace('pairs = "pairs"', f'pairs = "{tmp_path / "pairs"}"')
        .replace("[loss]", "[loss]\nparts = 3")
    )
    assert CliRunner().invoke(cli, ["train", "align", str(path)]).exit_code == 2
    assert not list(tmp_path.rglob("vectors-*"))


def test_tensorboard_is_an_extra(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = recipe(folder, "board", steps=2, extra="tensorboard = true\n")
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    result = CliRunner().invoke(cli, ["train", "align", str(path)])
    assert result.exit_code == 1 and "geoglot[tensorboard]" in result.stderr
    shown: list[tuple[str, int]] = []

    class Writer:
        def __init__(self, place: str, purge_step: int) -> None:
            assert place.endswith("tensorboard") and purge_step == 1

        def add_scalar(self, name: str, value: float, step: int) -> None:
            shown.append((name, step))

        def close(self) -> None:
            shown.append(("closed", 0))

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", SimpleNamespace(SummaryWriter=Writer))
    assert CliRunner().invoke(cli, ["train", "align", str(path)]).exit_code == 0
    assert ("loss", 1) in shown and ("photo_recall_at_1", 2) in shown and shown[-1] == ("closed", 0)


def test_json_for_machines(folder: Path) -> None:
    result = CliRunner().invoke(cli, ["train", "align", str(recipe(folder, "json", steps=2)), "--json"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["steps"] == 2 and Path(document["model"]).is_dir()
    assert "tiles/s" in result.stderr
