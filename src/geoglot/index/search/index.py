"""Search an archive by words, pictures, places and examples: exact, and with "nothing like that here" as an answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from jaxtyping import Float, Int

from geoglot.aliases import PathLike, Progress
from geoglot.figures import format_count
from geoglot.geo import Window
from geoglot.index.search.archive_presence import WordJudge
from geoglot.index.search.block import Block
from geoglot.index.search.filters import Filters
from geoglot.index.search.hit import Hit
from geoglot.index.search.hit_files import run_of
from geoglot.index.search.hits import Hits
from geoglot.index.search.index_page import draw_index, page_of_index
from geoglot.index.search.look import Look
from geoglot.index.search.picture_cache import Opened, open_or_index
from geoglot.index.search.places import merge_places
from geoglot.index.search.query import Query, Questioner
from geoglot.index.search.said import Said
from geoglot.index.search.scan import Ranked, scan
from geoglot.index.search.second_stage import LEAST_LOOKS, SecondStage, count_looks, note_unread, rank_again
from geoglot.index.store.archive import Archive
from geoglot.index.store.chip_table import WINDOW
from geoglot.index.store.live import chip_facts, gather
from geoglot.options import SearchOptions
from geoglot.outputs.notebook.page import Drawing, Page
from geoglot.outputs.notebook.shown import ShownOnMap
from geoglot.scene.class_words import parse_words

if TYPE_CHECKING:
    from geoglot.models.base import VisionLanguageModel

_COLUMNS = ("cell", "geometry", "source", *WINDOW, "time", "scale_m")
_FIRST_LOOK = 8  # chips for each hit that are ranked at first: a place may have many dates and scales


class Index(ShownOnMap):
    """An archive, or a folder of pictures, to be searched any number of times; what one search reads, others use."""

    def __init__(
        self,
        place: PathLike | Archive,
        *,
        model: PathLike | None = None,
        device: str | None = None,
        progress: Progress | None = None,
    ) -> None:
        """`model` is that of the archive, if it does not lie in the zoo; of a folder of pictures any, by default mini.

        A folder of pictures is indexed on the fly, in the cache. SourceError if there is nothing to search.
        """
        opened = Opened(place) if isinstance(place, Archive) else open_or_index(place, model, device, progress)
        self._place = place.place if isinstance(place, Archive) else place
        self.archive, self.notes = opened.archive, opened.notes
        self._questioner = Questioner(self.archive, opened.model or model, device)

    @cached_property
    def _second(self) -> SecondStage:
        return SecondStage(self.archive, self._questioner.reader)

    @property
    def reader(self) -> VisionLanguageModel | None:
        """The model that reads words; None for vectors that others made."""
        reader = self._questioner.reader
        return None if reader is None else reader.loaded

    def embed(self, words: str) -> Float[np.ndarray, " dim"]:
        """The unit vector of words with commas, any of which may be meant."""
        return self._questioner.read(parse_words(words))

    def __repr__(self) -> str:
        return f"Index({self.archive.place}, {self.archive.rows:,} chips by {self.archive.model.name})"

    def page(self) -> Page:
        return page_of_index(self)

    def draw(self) -> Drawing:
        return draw_index(self)

    def search(
        self,
        words: str | None = None,
        *,
        image: PathLike | None = None,
        place: str | None = None,
        like: Sequence[PathLike] = (),
        unlike: Sequence[PathLike] = (),
        options: SearchOptions = SearchOptions(),
    ) -> Hits:
        """Find the places that fit best what is given.

        `words`: commas separate words any of which is meant. `image`: a picture like what is wanted. `place`: the chip
        at "LON,LAT", or of a cell, on an indexed scene. Together they are fused: "like this, with water". `like` and
        `unlike`: pictures, places, or files that mark chips; what they have in common moves what the words mean.

        InputError for words that the model cannot read, filters that cannot be read, or a place that is not indexed.
        """
        began = time.perf_counter()
        filters = Filters.of(options)
        query = self._questioner.ask(words, image, place, like, unlike)
        blocks = self._blocks(filters)
        found, searched = self._find(blocks, query, options.top), sum(block.count for block in blocks)
        looks = self._second.look(found[: count_looks(options.top)], query.words)
        hits = rank_again(found, looks)[: options.top]
        present = self._presence(blocks, query, found, looks, searched)
        notes: tuple[str, ...] = ()
        if query.words is not None:
            query.words.save()
            notes = query.words.said.notes
        return Hits(
            query.text, tuple(replace(hit, rank=rank) for rank, hit in enumerate(hits, 1)),
            present, searched,
            (*self.notes, *notes, *note_unread(found, looks), *self._why_none(filters, searched)),
            round(time.perf_counter() - began, 3), run_of(self._place, words, image, place, like, unlike, options),
        )  # fmt: skip

    def _blocks(self, filters: Filters) -> list[Block]:
        return [Block(shard.codes, shard.vectors, filters.mask(shard)) for shard in self.archive.shards]

    def _find(self, blocks: Sequence[Block], query: Query, top: int) -> list[Hit]:
        """The best chip of each place, more than are wanted for the second stage."""
        wanted = max(count_looks(top), top)
        many = _FIRST_LOOK * wanted
        while True:
            ranked = scan(blocks, query.vectors, many, query.fuse)
            where = gather(
                self.archive, ranked.rows, lambda shard, rows: shard.take(rows, ("cell", "source")).to_pylist()
            )
            places = merge_places([fact["cell"] for fact in where], [fact["source"] for fact in where], wanted)
            if len(places) == wanted or len(ranked.rows) < many:
                best = [each.index for each in places]
                facts = self._facts(ranked.rows[best])
                return [
                    replace(_hit(fact, ranked, each.index), also=each.also)
                    for fact, each in zip(facts, places, strict=True)
                ]
            many *= 4

    def _presence(
        self, blocks: Sequence[Block], query: Query, found: Sequence[Hit], looks: Sequence[Look | None], searched: int
    ) -> float | None:
        """The probability that the chips show the words, whatever else the query holds; None if that is unknown."""
        judge, spoken = None if query.words is None else query.words.said.judge, query.alone
        if judge is None:
            return None
        if spoken is not query:
            found = self._find(blocks, spoken, 1)
            looks = self._second.look(found, spoken.words)
        if not found:
            return None
        [whole] = judge.height(self.vectors(np.array([found[0].row])))
        parts = [look.height for look in looks[:LEAST_LOOKS] if look is not None and look.height is not None]
        return judge.probability(float(whole), max(parts, default=None), searched)

    def _why_none(self, filters: Filters, searched: int) -> tuple[str, ...]:
        """How many chips each filter leaves, where all together leave none."""
        if searched:
            return ()
        if not self.archive.rows:
            return ("there is no chip in the archive",)
        left = {name: sum(block.count for block in self._blocks(only)) for name, only in filters.parts()}
        counts = ", ".join(f"{name} {count:,}" for name, count in left.items())
        return (f"of {format_count(self.archive.rows, 'chip')} the filters leave none: {counts}",)

    def part_heights(self, rows: Int[np.ndarray, " row"], words: str, judge: WordJudge) -> list[float | None]:
        """How high words stand in the best patch of each of some chips; None where neither pixels nor patches are."""
        chips = [
            self._second.candidate(fact["source"] or "", fact["cell"], fact["reading"], int(row))
            for fact, row in zip(self._facts(rows), rows, strict=True)
        ]
        looks = self._second.look_anew(chips, Said(self.embed(words), judge))
        return [None if look is None else look.height for look in looks]

    def vectors(self, rows: Int[np.ndarray, " row"]) -> Float[np.ndarray, "row dim"]:
        """The vectors of rows, which are counted through all shards."""
        places = zip(*self.archive.locate(rows), strict=True)
        found = [self.archive.shards[shard].vectors[row] for shard, row in places]
        return np.array(found, np.float32).reshape(len(rows), self.archive.model.dim)

    def _facts(self, rows: Int[np.ndarray, " row"]) -> list[dict[str, Any]]:
        return gather(self.archive, rows, lambda shard, some: chip_facts(shard, some, _COLUMNS))


def _hit(fact: dict[str, Any], ranked: Ranked, index: int) -> Hit:
    window = Window(*(int(fact[name] or 0) for name in WINDOW))
    geometry = None if fact["geometry"] is None else shapely.from_wkb(fact["geometry"])
    return Hit(index + 1, float(ranked.scores[index]), fact["source"] or "", window, geometry, fact["time"],
               fact["cell"], fact["scale_m"], fact["reading"], int(ranked.rows[index]))  # fmt: skip
