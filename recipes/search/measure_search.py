"""How well archives are searched: captions, what is there and what is not, and parts of larger chips.

    python recipes/search/measure_search.py DATA [--model mini]

DATA holds the folders rsicd, labelled, loveda and rasters. Printed are R@1, 5 and 10 by caption in RSICD's valid split;
"is it here" for each of its 30 classes, with its pictures and with them filtered out, beside the raw cosine; the share
of 50 absurd words that are told to be nowhere; the same for places of labelled sets that training did not see, each set
and each picture as an archive (`known_pictures.py`); what is told of words on the scene that ships with geoglot and on
three dates of NAIP; and what the second stage adds where a chip is larger than what is asked for: pictures pasted into
squares of four.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "mini"))

from data import class_words
from known_pictures import answers_of, labelled
from measure_presence import ABSURD, auroc

from geoglot.demo import SCENE
from geoglot.index.build.build import add
from geoglot.index.search.block import Block
from geoglot.index.search.hits import ABSENT
from geoglot.index.search.index import Index
from geoglot.index.search.look import Candidate, fits
from geoglot.index.search.look_closer import look_closer
from geoglot.index.search.scan import scan
from geoglot.models.base import VisionLanguageModel
from geoglot.models.zoo import load_word_model
from geoglot.options import IndexOptions, SearchOptions
from geoglot.scene.text_vectors import text_vectors

ONE = SearchOptions(top=1)
SIDE, TOP, LOOKED = 112, 12, 24
#: What scenes show, and what they do not
SCENES = {
    "demo": ("houses, trees, road, grass, building", "airplane, ship, beach, harbor, baseball field, desert, mountain"),
    "naip": ("farmland, field, grass, pond, lake", "airplane, ship, beach, harbor, stadium, church, parking lot"),
}


def kind_of(source: str) -> str:
    """The class in the name of a picture of RSICD."""
    return re.sub(r"_?\d*\.\w+$", "", Path(source).name.lower())


def measure_captions(index: Index, model: VisionLanguageModel, captions: Path) -> None:
    """R@k: captions whose own picture is among the first k."""
    rows = [json.loads(line) for line in captions.read_text().splitlines()]
    blocks = [Block(shard.codes, shard.vectors) for shard in index.archive.shards]
    sources = [name for shard in index.archive.shards for name in shard.table(("source",))["source"].to_pylist()]
    asked = [(text, Path(row["image"]).name) for row in rows for text in dict.fromkeys(row["captions"])]
    vectors = F.normalize(model.encode_text([text for text, _ in asked]).float(), dim=1).numpy()
    hits = np.zeros(3)
    for vector, (_, name) in zip(vectors, asked, strict=True):
        found = [Path(sources[row]).name for row in scan(blocks, vector[None], 10).rows]
        hits += [name in found[:k] for k in (1, 5, 10)]
    shown = ", ".join(f"R@{k} {share:.1%}" for k, share in zip((1, 5, 10), hits / len(asked), strict=True))
    print(f"{len(asked):,} captions, {len(sources):,} pictures: {shown}")


def measure_classes(index: Index, absurd: Sequence[str]) -> None:
    """Each class with its pictures and without, and words of what is nowhere."""
    names = [name for shard in index.archive.shards for name in shard.table(("source",))["source"].to_pylist()]
    vectors = index.vectors(np.arange(len(names)))
    there, gone, there_raw, gone_raw = [], [], [], []
    for kind in sorted(set(map(kind_of, names))):
        word = class_words(kind)
        without = SearchOptions(top=1, where=f"not source like '%/{kind}\\_%'")
        for options, present in ((ONE, there), (without, gone)):
            present.append(index.search(word, options=options).present or 0.0)
        cosines, others = vectors @ index.embed(word), np.array([kind_of(name) != kind for name in names])
        there_raw.append(cosines.max())
        gone_raw.append(cosines[others].max())
        print(f"    {word}: {there[-1]:.2f} with its pictures, {gone[-1]:.2f} without")
    found = [index.search(word, options=ONE) for word in absurd]
    nonsense = [hits.present or 0.0 for hits in found]
    known, told = auroc(there, gone), (np.mean(np.array(there) >= ABSENT), np.mean(np.array(gone) < ABSENT))
    print(f"is it here: AUROC {known:.3f} over {len(there)} classes, raw cosine {auroc(there_raw, gone_raw):.3f}")
    print(f"  there and told so {told[0]:.1%}, gone and told so {told[1]:.1%}")
    raw = auroc(there_raw, [(vectors @ index.embed(word)).max() for word in absurd])
    print(f"absurd words: AUROC {auroc(there, nonsense):.3f}, raw cosine {raw:.3f}")
    print(f"  nothing like that: {np.mean([hits.absent for hits in found]):.1%} of {len(absurd)}")


def index_of(sources: Sequence[Path], folder: Path, model: str, **options: object) -> Index:
    """An archive of sources."""
    add(folder, sources, model=model, options=IndexOptions(**options))
    return Index(folder, model=model)


def measure_places(data: Path, folder: Path, model: str) -> None:
    """Words that each set of pictures kept aside shows or does not, and each of its pictures."""
    pictures, told = labelled(data, folder, aside=True), dict[tuple[str, str], list[bool]]()
    for name in dict.fromkeys(picture.source for picture in pictures):
        own = [picture for picture in pictures if picture.source == name]
        index = index_of([folder / name], folder / f"{name}.archive", model, patches=True)
        asked = [(own, ONE)]
        asked += [([one], SearchOptions(top=1, where=f"source like '%/{one.path.name}'")) for one in own]
        for some, options in asked:
            for word, shown in answers_of(some).items():
                present = index.search(word, options=options).present or 0.0
                kind = "sets of up to 24" if options.where is None else "single pictures"
                told.setdefault((kind, "present" if shown else "absent"), []).append((present >= ABSENT) == shown)
                if options.where is None:
                    print(f"    {name}, {word}: {'there' if shown else 'not there'}, {present:.2f}")
    for (kind, answer), right in sorted(told.items()):
        print(f"places kept aside, {kind}: {answer} and told so {np.mean(right):.1%} of {len(right)}")


def measure_scenes(data: Path, folder: Path, model: str) -> None:
    """Words on scenes in chips of 224 px."""
    sources = {"demo": [SCENE], "naip": [data / "rasters" / "naip"]}
    for name, (shown, absent) in SCENES.items():
        index = index_of(sources[name], folder / f"{name}.archive", model)
        for kind, words in (("there", shown), ("not there", absent)):
            found = {word: index.search(word).present or 0.0 for word in words.split(", ")}
            told = ", ".join(f"{word} {present:.2f}" for word, present in found.items())
            print(f"{name}, {index.archive.rows} chips, {kind}: {told}")


@torch.inference_mode()
def measure_second_stage(model: VisionLanguageModel, pictures: Sequence[Path]) -> None:
    """Squares of four pictures each: how many of the first 12 hold a picture of the class."""
    order = np.random.default_rng(0).permutation(len(pictures))
    groups = order[: len(order) // 4 * 4].reshape(-1, 4)
    kinds = np.array([[kind_of(str(pictures[index])) for index in group] for group in groups])
    with tempfile.TemporaryDirectory() as folder:
        squares = [_paste([pictures[index] for index in group], Path(folder) / f"{number}.png")
                   for number, group in enumerate(groups)]  # fmt: skip
        pixels = [np.asarray(Image.open(path), np.float32).transpose(2, 0, 1) / 255 for path in squares]
        whole = np.concatenate([model.encode_image(torch.from_numpy(one[None])).float().numpy() for one in pixels])
        first, second = list[float](), list[float]()
        for kind in np.unique(kinds):
            text = text_vectors(model, [class_words(kind)])[0].float().numpy()
            scores, holds = whole @ text, (kinds == kind).any(1)
            best = np.argsort(-scores)[:LOOKED]
            looks = look_closer([Candidate(str(squares[index]), None, "", None) for index in best], text, model)
            again = best[np.argsort(-fits(scores[best].astype(float), looks), kind="stable")]
            first.append(holds[best[:TOP]].mean())
            second.append(holds[again[:TOP]].mean())
    print(f"{len(groups)} squares of four pictures: {np.mean(first):.1%} of the first {TOP} hold the class, "
          f"{np.mean(second):.1%} after the second stage")  # fmt: skip


def _paste(pictures: Sequence[Path], path: Path) -> Path:
    square = Image.new("RGB", (2 * SIDE, 2 * SIDE))
    for index, picture in enumerate(pictures):
        with Image.open(picture) as opened:
            square.paste(opened.convert("RGB").resize((SIDE, SIDE)), (index % 2 * SIDE, index // 2 * SIDE))
    square.save(path)
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    """Print all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="mini")
    given = parser.parse_args(arguments)
    model = load_word_model(given.model)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        index = index_of([given.data / "rsicd" / "valid"], folder / "valid.archive", given.model, patches=True)
        measure_captions(index, model, given.data / "rsicd" / "valid.jsonl")
        measure_classes(index, ABSURD)
        measure_scenes(given.data, folder, given.model)
        measure_places(given.data, folder, given.model)
    measure_second_stage(model, sorted((given.data / "rsicd" / "valid").glob("*.jpg")))


if __name__ == "__main__":
    main()
