"""The same work by geoglot and by the tools that people would use otherwise, in one table.

    python benchmarks/peers.py [--python geoai=ENV/bin/python --python torchgeo=ENV/bin/python] [--rounds 5]
        [--side 8192] [--pictures 200] [--vectors FOLDER] [--json]

Every run is a process of its own, of which imports and the loading of the model do not count; the tools take turns
within a round, and ratios are taken inside it. geoai and torchgeo want other versions of torch, so they have Pythons
of their own (python -m venv ENV; ENV/bin/pip install geoai-py torchgeo); a tool that is not there is left out, and the
table says so.

- map: one raster, one small network of seven classes (three convolutions), a file of classes. Pixels that agree with
  geoglot's map are counted: geoglot and geoai blend windows that overlap, and the two loops have seams.
- label: a folder of JPEG pictures, CLIP's ViT-B/16 with random weights, four names.
- search: with --vectors, the ten nearest of a million vectors (`benchmarks/search.py FOLDER` makes and explains them).
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np
import rasterio
import torch
from classify_folder import make_pictures
from figures_of_runs import describe_machine, middle, run_apart
from memory import make_scene
from search import compare
from torch import nn
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, PreTrainedTokenizerFast

from geoglot.models.convert import Conversion, convert

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from tinyclip import make_tokenizer

SCRIPTS = Path(__file__).parent / "peer_runs"
CLASSES = ("water", "forest", "roof", "sand", "road", "snow", "crop")  # of the stub that runs the network
OURS = "geoglot"
NAMES = ("forest", "beach", "city", "field")
#: Kinds of work, and who does it how
TOOLS: dict[str, dict[str, str]] = {
    "map": {
        "geoglot": "512 px, 64 overlap, blended",
        "geoai": "predict_geotiff as it comes: 256 px, 64 overlap, blended",
        "torchgeo": "GridGeoSampler of 512 px, no overlap",
        "rasterio": "a loop over 512 px, no overlap",
    },
    "label": {"geoglot": "classify", "transformers": "zero-shot pipeline, batches of 16"},
}


@dataclass
class Row:
    """What a tool did in all rounds, or why it did nothing."""

    work: str
    tool: str
    seconds: list[float] = field(default_factory=list)
    peak_gb: list[float] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    same: float | None = None
    """Share of the pixels or labels that are geoglot's."""
    missing: str = ""


def write_network(folder: Path) -> None:
    """A network of three convolutions with random weights: logits of every fourth pixel, and of every pixel."""
    torch.manual_seed(0)
    first, second, last = nn.Conv2d(3, 16, 3, 2, 1), nn.Conv2d(16, 16, 3, 2, 1), nn.Conv2d(16, len(CLASSES), 1)
    network = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), last).eval()
    enlarged = nn.Sequential(network, nn.Upsample(scale_factor=4, mode="bilinear")).requires_grad_(False)
    for name, traced in (("quarter", network), ("whole", enlarged)):
        torch.jit.trace(traced, torch.rand(1, 3, 64, 64)).save(str(folder / f"{name}.pt"))


def write_clip(folder: Path) -> None:
    """CLIP's ViT-B/16 with random weights, as transformers stores it and as geoglot does."""
    torch.manual_seed(0)
    tokenizer, source = make_tokenizer(), folder / "clip-transformers"
    end = tokenizer.token_to_id("<|endoftext|>")
    text = {"vocab_size": end + 1, "eos_token_id": end, "bos_token_id": end - 1, "pad_token_id": end}
    CLIPModel(CLIPConfig(text_config=text, vision_config={"patch_size": 16})).save_pretrained(source)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|endoftext|>", pad_token="<|endoftext|>", model_max_length=77
    ).save_pretrained(source)
    CLIPImageProcessor().save_pretrained(source)
    convert(source, folder / "clip", Conversion("random", licence="CC0-1.0"))
    (folder / "names.json").write_text(json.dumps(NAMES))


def prepare(folder: Path, side: int, pictures: int) -> dict[str, Path]:
    """Everything that the tools read; returns the source of each kind of work."""
    sources = {"map": folder / "scene.tif", "label": folder / "pictures"}
    make_scene(sources["map"], side)
    write_network(folder)
    sources["label"].mkdir()
    make_pictures(sources["label"], pictures)
    write_clip(folder)
    return sources


def run_rounds(work: str, source: Path, pythons: Mapping[str, str], rounds: int, folder: Path) -> list[Row]:
    """All tools of a kind of work in turn, `rounds` times after one that does not count."""
    rows = {tool: Row(work, tool) for tool in TOOLS[work]}
    outputs = {tool: folder / f"{work}-{tool}.{'tif' if work == 'map' else 'json'}" for tool in rows}
    for number in range(rounds + 1):
        for tool, row in rows.items():
            if row.missing:
                continue
            try:
                script = SCRIPTS / f"{work}_{tool}.py"
                told = run_apart(script, source, folder, outputs[tool], python=pythons.get(tool, sys.executable))
            except click.ClickException as error:
                if tool == OURS:
                    raise
                row.missing = error.message.strip().splitlines()[-1]
                continue
            if number:
                row.seconds.append(told["seconds"])
                row.peak_gb.append(told["peak_gb"])
            row.versions = told["versions"]
    for tool, row in rows.items():
        if not row.missing:
            row.same = agreement(outputs[OURS], outputs[tool])
    return list(rows.values())


def agreement(ours: Path, theirs: Path) -> float:
    """Share of pixels or labels that are the same."""
    return float(np.mean(read_result(ours) == read_result(theirs)))


def read_result(path: Path) -> np.ndarray:
    """The classes of a map, or the labels of pictures in the order of their names."""
    if path.suffix == ".json":
        return np.array(list(json.loads(path.read_text()).values()))
    with rasterio.open(path) as made:
        return np.asarray(made.read(1))


def search_rows(folder: Path) -> list[Row]:
    """Medians of a query over the vectors of `search.py`, by the clock."""
    with redirect_stdout(sys.stderr):  # it prints a table of its own
        medians = compare(folder, torch.get_num_threads(), 12)
    kept = {name: wall for name, (wall, _) in medians.items() if "nothing more" not in name}
    return [Row("search", name.split()[0].rstrip(","), [wall]) for name, wall in kept.items()]


def describe(rows: list[Row]) -> str:
    """The rows of one kind of work as lines of a table in Markdown."""
    ours, lines = next(row for row in rows if row.tool == OURS), []
    for row in rows:
        how = TOOLS.get(row.work, {}).get(row.tool, "exact" if row.tool == OURS else "flat, float16")
        if row.missing:
            lines.append(f"| {row.work} | {row.tool} | {how} | not measured: {row.missing} | | | |")
            continue
        ratios = [theirs / mine for theirs, mine in zip(row.seconds, ours.seconds, strict=True)]
        peak = f"{max(row.peak_gb):.2f} GB" if row.peak_gb else ""
        same = f"{100 * row.same:.1f} %" if row.same is not None else ""
        lines.append(
            f"| {row.work} | {', '.join(row.versions) or row.tool} | {how} | {middle(row.seconds, 's', 3)} "
            f"| {middle(ratios, 'times')} | {peak} | {same} |"
        )
    return "\n".join(lines)


def read_pythons(values: tuple[str, ...]) -> dict[str, str]:
    """ "tool=python" as a mapping."""
    tools = {tool for each in TOOLS.values() for tool in each}
    pairs = dict(value.partition("=")[::2] for value in values)
    if unknown := set(pairs) - tools:
        raise click.BadParameter(f"--python must be TOOL=PYTHON, with one of {', '.join(sorted(tools))}; got {unknown}")
    return pairs


@click.command()
@click.option("--python", "pythons", multiple=True, help="TOOL=PYTHON: the Python that has a tool.")
@click.option("--rounds", default=5, show_default=True)
@click.option("--side", default=8192, show_default=True, help="Pixels of the raster, a multiple of 512.")
@click.option("--pictures", default=200, show_default=True)
@click.option("--vectors", type=click.Path(path_type=Path, file_okay=False), help="The folder of search.py.")
@click.option("--json", "as_json", is_flag=True)
def main(pythons: tuple[str, ...], rounds: int, side: int, pictures: int, vectors: Path | None, as_json: bool) -> None:
    """Print the table."""
    found, groups = read_pythons(pythons), list[list[Row]]()
    with tempfile.TemporaryDirectory() as name:
        sources = prepare(Path(name), side, pictures)
        groups += [run_rounds(work, source, found, rounds, Path(name)) for work, source in sources.items()]
    if vectors:
        groups.append(search_rows(vectors))
    if as_json:
        facts: dict[str, Any] = {"machine": describe_machine(), "side": side, "pictures": pictures, "rounds": rounds}
        click.echo(json.dumps(facts | {"rows": [asdict(row) for rows in groups for row in rows]}))
        return
    click.echo(f"{side:,} px a side, {pictures} pictures, {rounds} rounds; {describe_machine()}\n")
    click.echo(
        "| work | tool | how | time | over geoglot | peak memory | same as geoglot |\n|---|---|---|---|---|---|---|"
    )
    click.echo("\n".join(describe(rows) for rows in groups))


if __name__ == "__main__":
    main()
