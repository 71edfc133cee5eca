"""A shortlister that takes its scores from an archive, so that no scene is read before it is asked."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from geoglot.aliases import Progress
from geoglot.index.archive_presence import CHIPS, WordJudge
from geoglot.index.index import Index
from geoglot.index.scan import score_rows
from geoglot.scene.class_words import parse_words
from geoglot.tasks.ask.shortlist import SceneScores


class ArchiveShortlist:
    """Scores every scene of an archive by the chips of it that fit a name best."""

    def __init__(self, index: Index) -> None:
        self.index = index

    @cached_property
    def sources(self) -> list[str]:
        """The scenes, in the order of their names."""
        return sorted(set(self._source_of))

    @cached_property
    def _source_of(self) -> list[str]:
        """The scene of each chip that counts."""
        every = [name for shard in self.index.archive.shards for name in shard.table(("source",))["source"].to_pylist()]
        return [every[row] for row in self._rows]

    @cached_property
    def _rows(self) -> Int[np.ndarray, " chip"]:
        """The chips that count, through all shards."""
        live = [np.ones(shard.rows, bool) if shard.live is None else shard.live for shard in self.index.archive.shards]
        return np.flatnonzero(np.concatenate(live)) if live else np.zeros(0, np.int64)

    def probabilities(self, name: str) -> dict[str, float]:
        """The probability that each scene shows a name; for a model without calibration its best cosine, 0..1."""
        vectors = [shard.vectors for shard in self.index.archive.shards]
        [scores] = score_rows(vectors, self._rows, self.index.embed(name)[None].astype(np.float64))
        best = dict[str, list[int]]()
        for chip in np.argsort(-scores, kind="stable"):
            if len(chips := best.setdefault(self._source_of[chip], [])) < CHIPS:
                chips.append(int(chip))
        reader = self.index.reader
        judge = None if reader is None else WordJudge.of(reader, parse_words(name))
        return {source: self._judge(judge, chips, scores) for source, chips in best.items()}

    def _judge(self, judge: WordJudge | None, chips: list[int], scores: Float[np.ndarray, " chip"]) -> float:
        if judge is None:
            return float((scores[chips[0]] + 1) / 2)
        return judge.probability(self.index.vectors(self._rows[chips]))

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
