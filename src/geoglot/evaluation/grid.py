"""A picture of what models answer: for some images of a set a row with the image, the truth and each model's map."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from geoglot.datasets.dataset import Mapped, spread
from geoglot.datasets.image_files import open_native
from geoglot.evaluation.segmentation import class_map, segmenter_for
from geoglot.models.segmenter import Segmenter
from geoglot.outputs.palette import Colour, choose_colours
from geoglot.outputs.panels import Panel, check_picture, write_panels
from geoglot.scene.dense import ClassDense

IMAGES = 6
_LARGEST = 320  # pixels of a panel's longer side
_BATCH = 4


def draw_grid(samples: Mapped, models: Mapping[str, Segmenter], output: Path, images: int = IMAGES) -> None:
    """Draw a PNG of images spread evenly over a set; `models` by the names that stand below their maps.

    Pixels without a label are grey in the truth. InputError for a model with other classes than the set.
    """
    check_picture(output)
    names = tuple(words.name for words in samples.classes)
    dense = {name: segmenter_for(model.eval(), names) for name, model in models.items()}
    shown = spread(samples, images)
    write_panels([list(_row(shown, index, names, dense)) for index in range(len(shown))], output)


def _row(samples: Mapped, index: int, names: tuple[str, ...], models: Mapping[str, ClassDense]) -> Iterator[Panel]:
    """The panels of an image."""
    truth, image, colours = samples.masks[index](), samples.images[index], choose_colours(names)
    with open_native(image) as raster:
        tile = raster.read(raster.grid.whole)
        maps = {name: class_map(raster, dense, names, _BATCH).astype(np.int64) - 1 for name, dense in models.items()}
    step = -(-max(truth.shape) // _LARGEST)
    yield Panel(tile.pixels[:3, ::step, ::step], tile.valid[::step, ::step], (image.name,))
    yield _map_panel(truth[::step, ::step], "truth", names, colours)
    for name, found in maps.items():
        right = (found == truth)[truth >= 0].mean() if (truth >= 0).any() else 0.0
        yield _map_panel(found[::step, ::step], f"{name}: {right:.0%} of the pixels", names, colours)


def _map_panel(
    classes: Int[np.ndarray, "rows cols"], title: str, names: tuple[str, ...], colours: tuple[Colour, ...]
) -> Panel:
    """A map in the colours of its classes, with the names of the largest below it."""
    valid = (classes >= 0) & (classes < len(names))
    counts = np.bincount(classes[valid], minlength=len(names))
    largest = ", ".join(names[index] for index in np.argsort(-counts)[:3] if counts[index])
    return Panel(paint(classes, valid, colours), valid, (title, largest))


def paint(
    classes: Int[np.ndarray, "rows cols"], valid: np.ndarray, colours: tuple[Colour, ...]
) -> Float[np.ndarray, "3 rows cols"]:
    """A map as RGB, 0..1; colours of pixels that are not valid mean nothing."""
    table = np.array(colours, np.float32) / 255
    painted: np.ndarray = table[np.where(valid, classes, 0)].transpose(2, 0, 1)
    return painted
