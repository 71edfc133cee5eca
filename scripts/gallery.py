"""Make the pictures of docs/gallery.md and docs/tour.md, of the scene that ships with geoglot and a made-up country.

python scripts/gallery.py           # two minutes of a core
"""

import sys
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).parents[1]
GALLERY = ROOT / "docs/gallery"
sys.path += [str(ROOT / "tests"), str(ROOT / "recipes/world")]

from prove import SIDE, SMALL, TEMPLATE, TOWERS, prove, unseen  # noqa: E402
from sheet import COLOURS, contact_sheet  # noqa: E402
from world import CLASSES, World  # noqa: E402

from geoglot.models.zoo import load_word_model  # noqa: E402
from pages import Block, blocks, run  # noqa: E402

WIDEST = 900  # pixels
#: What the gallery shows beyond the tour
MORE = """
geoglot find demo-output/scene.tif "building" --refine edges --min-area 30 -o edges.gpkg
geoglot ask demo-output/scene.tif "How many houses are there in the north half?" --evidence houses.geojson
geoglot bands demo-output/scene.tif -o bands.png
"""
#: Pictures of the gallery, and what wrote them
PICTURES = {
    "map": "map.overlay.png",
    "find": "buildings.overlay.png",
    "edges": "edges.overlay.png",
    "search": "hits.png",
    "change": "change.overlay.png",
    "ask": "houses.png",
    "teach": "mine.overlay.png",
    "bands": "bands.png",
}


def main() -> None:
    """Run the tour and what the gallery shows beyond it, and keep the pictures."""
    GALLERY.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder:
        place = Path(folder)
        follow([*blocks(ROOT / "docs/tour.md"), Block("sh", MORE)], place)
        for name, written in PICTURES.items():
            keep(Image.open(place / written), name)
        keep(Image.fromarray(contact_sheet(0)), "country")
        keep(Image.fromarray(words_on_tiles(place / "world")), "graft")


def follow(steps: list[Block], folder: Path) -> None:
    """Run blocks in a folder."""
    names: dict[str, object] = {}
    with chdir(folder):
        for step in steps:
            run(step, names)


def keep(picture: Image.Image, name: str) -> None:
    """Store a picture small."""
    picture = picture.convert("RGB")
    if picture.width > WIDEST:
        picture = picture.resize((WIDEST, round(picture.height * WIDEST / picture.width)), Image.Resampling.LANCZOS)
    picture.save(GALLERY / f"{name}.webp", quality=72, method=6)


def words_on_tiles(folder: Path, across: int = 8) -> np.ndarray:
    """Rows of tiles that training did not see, of their classes, and of the classes by words, (row, column, 3)."""
    folder.mkdir()
    (tower,) = (tower for tower in TOWERS if tower.title == "pixel level")
    prove(0, SMALL, [tower], folder)
    model = load_word_model(folder / "run-0/model", device="cpu")
    test = unseen(World(0, SMALL.side_m), 64, np.random.default_rng(0))
    chosen = np.argsort([-len(np.unique(truth)) for truth in test.truth], kind="stable")[:across]
    with torch.inference_mode():
        texts = model.encode_text([TEMPLATE.format(name) for name in CLASSES])
        scores = torch.einsum("tdrc,kd->tkrc", model.encode_patches(test.pixels[chosen]), texts)
    maps = torch.nn.functional.interpolate(scores, size=(SIDE, SIDE), mode="bilinear").argmax(1).numpy()
    tiles = (test.pixels[chosen].numpy().transpose(0, 2, 3, 1) * 255).astype(np.uint8)
    rows = [np.concatenate(list(row), 1) for row in (tiles, COLOURS[test.truth[chosen]], COLOURS[maps])]
    return np.concatenate(rows).repeat(2, 0).repeat(2, 1)


if __name__ == "__main__":
    main()
