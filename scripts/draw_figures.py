"""Draw the figures that explain GRAFT and SegCLIP, docs/how-graft.png and docs/how-segclip.png, from made-up imagery.

python scripts/draw_figures.py
"""

import sys
from io import BytesIO
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path += [str(ROOT / "recipes" / room) for room in ("world", "aerial")]

import draw  # noqa: E402
from photos import draw_photo  # noqa: E402
from tiles import render_tile  # noqa: E402
from world import CLASSES, World  # noqa: E402

from geoglot.geo import Window  # noqa: E402

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

FROZEN, TRAINED, TEXT, ONLY_TRAINING = "#dbe4ee", "#bfe3d6", "#f6e3b4", "#f3cfd0"
INK = "#222222"
PLACES = ((0.2, 0.26, "forest"), (0.55, 0.72, "house"), (0.8, 0.3, "lake"))
"""Where in the tile of the figure a photo was taken, from its upper left corner, and what the photo shows."""


class Sheet:
    """A figure in inches, with y upwards: boxes, arrows and pictures."""

    def __init__(self, width: float, height: float) -> None:
        self.figure = pyplot.figure(figsize=(width, height), facecolor="white")
        self.axes: Axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(0, width), ylim=(0, height))
        self.axes.axis("off")

    def box(self, place: tuple[float, float, float, float], words: str, colour: str) -> None:
        """A box at (left, bottom, width, height)."""
        left, bottom, width, height = place
        style = "round,pad=0.02,rounding_size=0.08"
        self.axes.add_patch(
            FancyBboxPatch((left, bottom), width, height, style, facecolor=colour, edgecolor=INK, lw=0.8)
        )
        self.write(left + width / 2, bottom + height / 2, words)

    def write(self, x: float, y: float, words: str, size: float = 8.5, align: str = "center") -> None:
        """Words, centred unless told otherwise."""
        self.axes.text(x, y, words, fontsize=size, ha=align, va="center", color=INK, linespacing=1.35)

    def arrow(self, start: tuple[float, float], end: tuple[float, float], bend: float = 0.0) -> None:
        """An arrow from start to end."""
        style = {"arrowstyle": "-|>", "color": INK, "lw": 0.9, "connectionstyle": f"arc3,rad={bend}"}
        self.axes.annotate("", end, start, arrowprops=style)

    def picture(self, pixels: np.ndarray, left: float, bottom: float, side: float) -> None:
        """A square picture, (row, column, 3)."""
        self.axes.imshow(pixels, extent=(left, left + side, bottom, bottom + side), interpolation="nearest", zorder=3)

    def save(self, path: Path) -> None:
        """Write a PNG of few colours."""
        kept = BytesIO()
        self.axes.set_aspect("auto")
        self.axes.set(xlim=(0, self.figure.get_figwidth()), ylim=(0, self.figure.get_figheight()))
        self.figure.savefig(kept, dpi=130)
        pyplot.close(self.figure)
        Image.open(kept).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)


def graft(path: Path) -> None:
    """A tile, the photos taken inside it, and the vectors that training brings together."""
    sheet, rng = Sheet(8.5, 4.4), np.random.default_rng(4)
    sheet.picture(_tile(), 0.25, 1.3, 2.1)
    sheet.write(1.3, 3.62, "satellite tile")
    sheet.box((2.9, 1.85, 1.5, 0.95), "satellite encoder\n(ViT, begins as CLIP's)\ntrained", TRAINED)
    sheet.arrow((2.38, 2.33), (2.86, 2.33))
    sheet.box((4.9, 1.95, 1.35, 0.75), "a vector\nfor each patch", "white")
    sheet.arrow((4.44, 2.33), (4.86, 2.33))
    for number, (across, down, name) in enumerate(PLACES):
        x, y = 0.25 + 2.1 * across, 1.3 + 2.1 * (1 - down)
        sheet.axes.plot(x, y, "o", color="#ffd400", markeredgecolor=INK, markersize=7, zorder=4)
        sheet.write(x, y, str(number + 1), 6)
        sheet.axes.texts[-1].set_zorder(5)
        sheet.picture(_rows_last(draw_photo(name, rng)), 0.25 + 0.74 * number, 0.25, 0.62)
        sheet.write(0.56 + 0.74 * number, 0.97, f"photo {number + 1}", 7.5)
    sheet.box((2.9, 0.2, 1.5, 0.75), "CLIP's image\nencoder, frozen", FROZEN)
    sheet.arrow((2.38, 0.57), (2.86, 0.57))
    sheet.box((4.9, 0.2, 1.35, 0.75), "a vector\nfor each photo", "white")
    sheet.arrow((4.44, 0.57), (4.86, 0.57))
    sheet.axes.annotate(
        "", (5.57, 1.91), (5.57, 0.99), arrowprops={"arrowstyle": "<|-|>", "color": "#a03030", "lw": 1.6}
    )
    sheet.write(5.7, 1.45, "training: the patch where a photo was taken\nmoves towards the vector of that photo, and\n"
                "away from those of the other photos of a batch", 8, "left")  # fmt: skip
    sheet.box((2.9, 3.45, 1.5, 0.75), "CLIP's text\nencoder, frozen", FROZEN)
    sheet.write(1.3, 3.97, "“a satellite photo of a lake”")
    sheet.arrow((2.38, 3.9), (2.86, 3.84))
    sheet.box((4.9, 3.45, 1.35, 0.75), "a vector\nof the words", "white")
    sheet.arrow((4.44, 3.83), (4.86, 3.83))
    sheet.axes.annotate(
        "", (5.57, 3.41), (5.57, 2.74), arrowprops={"arrowstyle": "<|-|>", "color": "#2f6f9f", "lw": 1.6}
    )
    sheet.write(5.7, 3.08, "afterwards: words meet patches, since CLIP's\nwords and photos share one space", 8, "left")
    sheet.save(path)


def segclip(path: Path) -> None:
    """The parts of SegCLIP, in the order in which an image and class names go through them."""
    sheet = Sheet(9.7, 4.65)
    image, truth = draw.draw(np.random.default_rng(3))
    sheet.picture(image, 0.2, 3.1, 1.2)
    sheet.write(0.8, 4.45, "image")
    sheet.box((1.8, 3.3, 1.35, 0.8), "backbone\n(ResNet-50)", TRAINED)
    sheet.box((3.55, 3.3, 1.5, 0.8), "pixel decoder\nfeatures at 1/32 to 1/4", TRAINED)
    sheet.box((0.2, 1.75, 1.25, 0.85), "class names:\n“a photo with\na building” ...", TEXT)
    sheet.box((1.8, 1.75, 1.35, 0.85), "CLIP's text\nencoder, frozen", FROZEN)
    sheet.box((3.55, 1.75, 1.5, 0.85), "TMP: text mapper,\nbeside learned queries", TRAINED)
    sheet.box((5.45, 1.75, 1.35, 0.85), "CFF: queries attend\nto each other, then\nto the image", TRAINED)
    sheet.box(
        (7.2, 1.75, 1.35, 2.35), "decoder,\n9 layers:\nmasked attention\nto the features,\nqueries to queries", TRAINED
    )
    guided = """GTG, in training only: the classes that are in the truth are
guided queries, which attend inside their true masks;
the other queries cannot see them"""
    sheet.box((0.2, 0.25, 4.85, 0.8), guided, ONLY_TRAINING)
    for start, end in (
        ((1.43, 3.7), (1.76, 3.7)), ((3.19, 3.7), (3.51, 3.7)), ((5.09, 3.7), (7.16, 3.7)),
        ((1.49, 2.18), (1.76, 2.18)), ((3.19, 2.18), (3.51, 2.18)), ((5.09, 2.18), (5.41, 2.18)),
        ((6.84, 2.18), (7.16, 2.18)), ((2.9, 3.26), (5.55, 2.66)), ((4.3, 1.71), (4.3, 1.09)),
    ):  # fmt: skip
        sheet.arrow(start, end)
    sheet.arrow((5.09, 0.65), (7.87, 1.71), 0.25)
    sheet.write(9.14, 3.45, "class and mask\nof each query", 8)
    sheet.arrow((8.59, 2.92), (8.8, 2.92))
    colours = np.array([[int(code[at : at + 2], 16) for at in (1, 3, 5)] for code in draw.COLOURS], np.uint8)
    sheet.axes.plot([8.83, 9.55, 9.55, 8.83, 8.83], [2.45, 2.45, 3.17, 3.17, 2.45], color=INK, lw=0.8)
    sheet.picture(colours[truth], 8.83, 2.45, 0.72)
    sheet.write(9.19, 2.3, "map", 8)
    sheet.save(path)


def _tile(side: int = 96) -> np.ndarray:
    """The tile of the figure, which shows many classes."""
    world, rng = World(0, 1024), np.random.default_rng(0)
    windows = [Window(row, col, side, side) for row in range(0, 1024 - side, 32) for col in range(0, 1024 - side, 32)]
    return _rows_last(render_tile(world, max(windows, key=lambda window: _fits(world.truth(window))), rng))


def _fits(truth: np.ndarray) -> float:
    """How many of the places in a tile show what the figure says, and how varied it is."""
    side = len(truth)
    named = sum(CLASSES[truth[int(down * side), int(across * side)]] == name for across, down, name in PLACES)
    return named + len(np.unique(truth)) / 100


def _rows_last(pixels: np.ndarray) -> np.ndarray:
    return pixels.transpose(1, 2, 0)


if __name__ == "__main__":
    graft(ROOT / "docs/how-graft.png")
    segclip(ROOT / "docs/how-segclip.png")
