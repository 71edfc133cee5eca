"""geoglot models: list, show, convert, calibrate and pull."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, get_args

import click

from geoglot.cli import shared
from geoglot.figures import format_number
from geoglot.legible import one_line
from geoglot.models.known import Activation, Level


@click.group()
def command() -> None:
    """List, describe, convert and download models."""


@command.command("list")
@click.option("--speed", is_flag=True, help="Measure those that are here, on this machine; seconds for each.")
@shared.device
@shared.short
def list_(speed: bool, device: str | None, as_json: bool) -> None:
    """List models: first those that can be loaded now, then those that can be pulled, or fetched and converted.

    Each line says the size of the weights, the metres per pixel that the model understands, what it is for, and its
    licence. With --speed it also says how many megapixels the model reads in a second.

    Example: geoglot models list --speed
    """
    from geoglot.models.zoo import list_models

    models, speeds = list_models(), dict[str, float]()
    if speed:
        from geoglot.tasks.model_speed import measure_speed

        here = [model.name for model in models if model.state in ("bundled", "cached")]
        speeds = {name: measure_speed(name, device=device) for name in here}
    rows = [
        (model.name, model.state, _megabytes(model.bytes), _metres(model.resolution))
        + ((_speed(speeds.get(model.name)),) if speed else ())
        + (f"{model.good_for}; {model.licence}" if model.good_for else model.title,)
        for model in models
    ]
    lines = [line.rstrip() for line in shared.table(rows, others=str.ljust)]
    document = [{**asdict(model), "megapixels_per_s": speeds.get(model.name)} for model in models]
    shared.emit({"models": document}, as_json, "\n".join(map(one_line, lines)))


def _speed(megapixels: float | None) -> str:
    return f"{format_number(megapixels)} Mpx/s" if megapixels else "-"


def _megabytes(size: int) -> str:
    return f"{format_number(size / 1e6)} MB" if size else "-"


@command.command()
@click.argument("model")
@click.option("--measure", is_flag=True, help="Measure arithmetic, speed and memory on this machine; some seconds.")
@shared.device
@shared.short
def show(model: str, measure: bool, device: str | None, as_json: bool) -> None:
    """Print the card of MODEL, a name or a folder, and the number of its parameters.

    With --measure also what a tile of its training's size costs here: floating-point operations, tiles a second, and
    memory for the weights and, beside them, for one tile.

    Example: geoglot models show mini --measure
    """
    from geoglot.models.stored import card_of, find_model
    from geoglot.models.zoo import model_size
    from geoglot.tasks.model_costs import count_parameters, measure_costs

    folder = find_model(model)
    facts = {**asdict(card_of(folder)), "folder": str(folder), "bytes": model_size(model)}
    facts["parameters"] = count_parameters(model)
    lines = {name: _plain(value) for name, value in facts.items() if name != "config"}
    lines["parameters"] = ", ".join(f"{name} {format_number(n / 1e6)} M" for name, n in facts["parameters"].items())
    if measure:
        costs = measure_costs(model, device=device)
        facts["costs"] = asdict(costs)
        peak = f", {format_number(costs.peak / 1e6)} MB beside them for a tile" if costs.peak is not None else ""
        lines["arithmetic"] = f"{format_number(costs.flops / 1e9)} GFLOPs a tile of {costs.side} px"
        lines["speed"] = f"{format_number(costs.tiles_per_second)} tiles/s"
        lines["memory"] = f"{format_number(costs.weights / 1e6)} MB of weights{peak}"
    text = "\n".join(f"{name:<12} {one_line(value)}" for name, value in lines.items())
    shared.emit(facts, as_json, text)


def _plain(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else value


@command.command()
@click.argument("checkpoint", type=click.Path(exists=True, path_type=Path))
@click.option("--name", required=True, help="Name of the model.")
@click.option("--resolution", type=(float, float), metavar="FINEST COARSEST", help="Metres per pixel in its training.")
@click.option("--licence", help="Licence of its weights.")
@click.option("--source", help="Where it comes from.")
@click.option("--activation", type=click.Choice(get_args(Activation)), help="Activation, if no config.json says it.")
@click.option("--text", help="For GRAFT: the model whose text tower it uses.")
@click.option(
    "--level", type=click.Choice(get_args(Level)), help="For GRAFT: what was trained, if weights do not tell."
)
@click.option("--tokenizer", type=click.Path(exists=True, path_type=Path), help="Folder of its tokenizer.json.")
@click.option("-o", "--output", type=shared.PATH, help="Folder of the model. Default: in the cache.")
@shared.short
def convert(checkpoint: Path, output: Path | None, as_json: bool, **about: Any) -> None:
    """Turn a CHECKPOINT (.pt, .ckpt, .bin, .safetensors, or a transformers folder) into a model.

    A ResNet of torchvision or timm becomes a folder for `backbone` in a recipe of `geoglot train segment`.

    Example: geoglot models convert RemoteCLIP-ViT-B-32.pt --name remoteclip-vit-b-32
    """
    from geoglot.errors import InputError
    from geoglot.models.convert import conversion_of
    from geoglot.models.convert import convert as convert_checkpoint
    from geoglot.models.convert.resnet import convert_resnet
    from geoglot.models.stored import cache_folder

    known = conversion_of(about["name"])  # a published name has known facts; arguments override them
    conversion = replace(known, **{field: value for field, value in about.items() if value is not None})
    target = output or cache_folder(conversion.name)
    if target is None:
        raise InputError(f"--name must be a name, got the path {conversion.name!r}; give the folder with -o")
    if config := convert_resnet(checkpoint, target):
        text = f"the ResNet is ready in {target}; begin a recipe with it: backbone = {str(target)!r}"
        shared.emit({"folder": str(target), "config": config}, as_json, text)
        return
    card = convert_checkpoint(checkpoint, target, conversion)
    shared.emit({**asdict(card), "folder": str(target)}, as_json, f"{card.name} is ready in {target}")


@command.command()
@click.argument("model")
@shared.short
def calibrate(model: str, as_json: bool) -> None:
    """Teach MODEL, a name or a folder, which words are absurd, so that it does not find them; seconds to minutes.

    Example: geoglot models calibrate runs/my-clip/model
    """
    from geoglot.models.calibration import calibrate as calibrate_model
    from geoglot.models.card import CALIBRATION
    from geoglot.models.stored import find_model
    from geoglot.models.zoo import load_uncalibrated

    folder = find_model(model)
    calibrate_model(load_uncalibrated(model), folder)
    shared.emit({"calibration": str(folder / CALIBRATION)}, as_json, f"{model} is calibrated: {folder / CALIBRATION}")


@command.command()
@click.argument("name")
@shared.short
def pull(name: str, as_json: bool) -> None:
    """Download NAME, verify it, and store it in the cache.

    Example: geoglot models pull clip-vit-b-16
    """
    from geoglot.models.pull import pull as pull_model

    card = pull_model(name)
    shared.emit(asdict(card), as_json, f"{name} is ready; use it with --model {name}")


def _metres(resolution: tuple[float, float]) -> str:
    finest, coarsest = resolution
    if not coarsest:  # the model cannot be used
        return "-"
    return f"{finest:g} m" if finest == coarsest else f"{finest:g} to {coarsest:g} m"
