"""A shortlister that shows a model a small overview of each raster.

A raster is read once, from its own overviews if it has any, and cut into a few tiles, which are one batch of the model.
The score of a name is that of its best tile against the background. Small objects do not show in an overview.
"""

from collections.abc import Sequence

import numpy as np

from geoglot.aliases import Progress
from geoglot.errors import NO_PIXEL, SourceError
from geoglot.models.zoo import Model
from geoglot.options import FindOptions, ReadOptions
from geoglot.scene.class_words import parse_classes, parse_words
from geoglot.scene.dense import dense_of, reads_words
from geoglot.scene.embed import compute, embed, pad
from geoglot.scene.read import check_bands, open_scene
from geoglot.scene.windows import WindowPlan
from geoglot.sources.tile import Tile
from geoglot.tasks.ask.shortlist import SceneScores

_TILES = 2  # tiles along the longer side of an overview


class Overviews:
    """A shortlister that shows a model the overview of each raster."""

    def __init__(self, model: Model, read: ReadOptions, options: FindOptions) -> None:
        self._model, self._dense, self._read, self._options = model, dense_of(model), read, options

    def score(self, sources: Sequence[str], names: Sequence[str], progress: Progress | None) -> dict[str, SceneScores]:
        options, scores = self._options, dict[str, SceneScores]()
        background = None if options.background is None else parse_words(options.background)
        question = self._dense.question(parse_classes(list(names)), background, options.templates)
        for done, source in enumerate(sources, 1):
            try:
                block, missed = self._see(source)
                best = [float(question.scores(block, index).max()) for index in range(len(names))]
                scores[source] = SceneScores(dict(zip(names, best, strict=True)), missed=missed)
            except SourceError as error:
                scores[source] = SceneScores(failed=str(error))
            if progress:
                progress("overviews", done, len(sources))
        return scores

    def _see(self, source: str) -> tuple[np.ndarray, str]:
        """Output of the model for the tiles of an overview (channel, 1, tile), and a sentence about tiles that fail."""
        dense = self._dense
        side = dense.windows((1, 1)).tile
        with open_scene(source, self._read, dense.card.resolution) as raster:
            check_bands(raster, dense.card.bands, dense.card.name)
            pictures = _tiles(raster.thumbnail(_TILES * side), side, dense.card.patch_size)
        if not pictures:
            raise SourceError(f"{source}: {NO_PIXEL}")
        if reads_words(self._model):
            embeddings, failed = embed(self._model, pictures, batch=len(pictures))
            kept = [embedding for index, embedding in enumerate(embeddings) if index not in failed]
        else:
            outputs = compute(dense, pictures)
            failed = {index: output for index, output in enumerate(outputs) if isinstance(output, str)}
            kept = [output for output in outputs if not isinstance(output, str)]
        lost = list(failed.values())
        if not kept:
            raise SourceError(f"{source}: the model gave no scores for its overview: {lost[0]}")
        block = np.concatenate([output.reshape(len(output), 1, -1) for output in kept], axis=2)
        return block, f"{len(lost)} of {len(pictures)} tiles of its overview: {lost[0]}" if lost else ""


def _tiles(overview: Tile, side: int, patch: int) -> list[np.ndarray]:
    """Squares of an overview that hold data, mirrored to their full size if they reach beyond it."""
    return [
        pad(overview.pixels[:, *window.slices], patch, side)
        for window in WindowPlan(overview.valid.shape, side, 0, patch).windows()
        if overview.valid[window.slices].any()
    ]
