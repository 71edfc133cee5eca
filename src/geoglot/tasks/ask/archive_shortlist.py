"""A shortlister that takes its scores from an archive, so that no scene is read before it is asked."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from jaxtyping import Int

from geoglot.aliases import Progress
from geoglot.index.search.archive_presence import WordJudge
from geoglot.index.search.index import Index
from geoglot.index.search.scan import score_rows
from geoglot.index.store.live import live_rows, rows_that_count
from geoglot.scene.class_words import parse_words
from geoglot.tasks.ask.shortlist import SceneScores


class ArchiveShortlist:
    """Scores every scene of an archive by the chips of it that fit a name best."""

    def __init__(self, index: Index) -> None:
        self.index = index

    @cached_property
    def sources(self) -> list[str]:
        """The scenes, in the order of their names."""
        names: list[str] = self._scenes[0].tolist()
        return names

    @cached_property
    def _scenes(self) -> tuple[np.ndarray, Int[np.ndarray, " chip"]]:
        """The names of the scenes, and the scene of each chip that counts."""
        shards = self.index.archive.shards
        sources = [shard.table(("source",))["source"].to_numpy()[live_rows(shard)] for shard in shards]
        names, scene = np.unique(np.concatenate([np.empty(0, object), *sources]), return_inverse=True)
        return names, scene

    @cached_property
    def _rows(self) -> Int[np.ndarray, " chip"]:
        """The chips that count, through all shards."""
        return rows_that_count(self.index.archive)

    def probabilities(self, name: str, looks: int = 0) -> dict[str, float]:
        """The probability that each scene shows a name; for a model without calibration its best cosine, 0..1.

        The best chips of the `looks` scenes that fit best are looked into.
        """
        vectors = [shard.vectors for shard in self.index.archive.shards]
        [scores] = score_rows(vectors, self._rows, self.index.embed(name)[None].astype(np.float64))
        names, scene = self._scenes
        order = np.lexsort((-scores, scene))  # by scene, the best chip first
        best = order[np.searchsorted(scene[order], np.arange(len(names)))]
        ranked = np.lexsort((best, -scores[best]))  # the scene of the best chip first
        rows, chips = self._rows[best[ranked]], np.bincount(scene)[ranked]
        reader = self.index.reader
        judge = None if reader is None else WordJudge.of(reader, parse_words(name))
        if judge is None:
            odds = ((scores[best[ranked]] + 1) / 2).tolist()
        else:
            parts = [*self.index.part_heights(rows[:looks], name, judge), *[None] * len(rows[looks:])]
            odds = [
                judge.probability(float(whole), part, int(count))
                for whole, part, count in zip(judge.height(self.index.vectors(rows)), parts, chips, strict=True)
            ]
        return dict(zip(names[ranked].tolist(), odds, strict=True))

    def score(self, sources: Sequence[str], names: Sequence[str], progress: Progress | None) -> dict[str, SceneScores]:
        """The scores of all names, by scene; a scene that the archive does not hold has none."""
        found = dict[str, dict[str, float]]()
        for done, name in enumerate(names, 1):
            found[name] = self.probabilities(name)
            if progress:
                progress("names", done, len(names))
        return {
            source: SceneScores({name: found[name][source] for name in names})
            if all(source in found[name] for name in names)
            else SceneScores(failed=f"{source} is not in {self.index.archive.place}")
            for source in sources
        }
