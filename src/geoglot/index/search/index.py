"""Search an archive by words, pictures, places and examples: exact, and with "nothing like that here" as an answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import shapely
from jaxtyping import Float, Int

from geoglot.aliases import PathLike, Progress
from geoglot.figures import format_count, format_some
from geoglot.geo import Window
from geoglot.index.search.archive_presence import WordJudge
from geoglot.index.search.filters import Filters
from geoglot.index.search.hit import Hit
from geoglot.index.search.hit_files import run_of
from geoglot.index.search.hits import Hits
from geoglot.index.search.index_page import draw_index, page_of_index
from geoglot.index.search.look_closer import Candidate, Look, fits, look_closer
from geoglot.index.search.picture_cache import Opened, open_or_index
from geoglot.index.search.places import merge_places
from geoglot.index.search.query import Query, Questioner
from geoglot.index.search.scan import Block, Ranked, scan
from geoglot.index.store.archive import Archive
from geoglot.index.store.chip_table import WINDOW
from geoglot.index.store.live import chip_facts, gather
from geoglot.models.base import VisionLanguageModel
from geoglot.options import SearchOptions
from geoglot.outputs.notebook.page import Drawing, Page
from geoglot.outputs.notebook.shown import ShownOnMap
from geoglot.scene.class_words import ClassWords, parse_words
from geoglot.scene.wording import word_notes

_COLUMNS = ("cell", "geometry", "source", *WINDOW, "time", "scale_m")
_FIRST_LOOK = 8  # chips for each hit that are ranked at first: a place may have many dates and scales
_SECOND_LOOK = 2  # places for each hit that are looked into
LEAST_LOOKS, _MOST_LOOKS = 24, 48  # places that are looked into; the best 24 tell whether the words are here


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

    @property
    def reader(self) -> VisionLanguageModel | None:
        """The model that reads words; None for vectors that others made."""
        return self._questioner.reader

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
        judge = None if self.reader is None or query.spoken is None else WordJudge.of(self.reader, query.words)
        looks = self._look(found[: _looks(options.top)], query, judge)
        hits = _rank_again(found, looks)[: options.top]
        return Hits(
            query.text, tuple(replace(hit, rank=rank) for rank, hit in enumerate(hits, 1)),
            None if judge is None else self._presence(judge, blocks, query, found, looks, searched), searched,
            (*self.notes, *self._word_notes(query), *_unread(found, looks), *self._why_none(filters, searched)),
            round(time.perf_counter() - began, 3), run_of(self._place, words, image, place, like, unlike, options),
        )  # fmt: skip

    def _blocks(self, filters: Filters) -> list[Block]:
        return [Block(shard.codes, shard.vectors, filters.mask(shard)) for shard in self.archive.shards]

    def _find(self, blocks: Sequence[Block], query: Query, top: int) -> list[Hit]:
        """The best chip of each place, more than are wanted for the second stage."""
        wanted = max(_looks(top), top)
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

    def _look(self, hits: Sequence[Hit], query: Query, judge: WordJudge | None) -> list[Look | None]:
        """The second stage, for a query with words that the model reads; else empty."""
        if self.reader is None or query.spoken is None:
            return []
        candidates = [Candidate(hit.source, hit.cell, hit.reading, self._patches(hit.row)) for hit in hits]
        return look_closer(candidates, query.spoken, self.reader, judge)

    def _presence(
        self, judge: WordJudge, blocks: Sequence[Block], query: Query, found: Sequence[Hit],
        looks: Sequence[Look | None], searched: int,
    ) -> float | None:  # fmt: skip
        """The probability that the chips show the words, whatever else the query holds; None if no chip is left."""
        spoken = query.alone
        if spoken is not query:
            found = self._find(blocks, spoken, 1)
            looks = self._look(found, spoken, judge)
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

    def _word_notes(self, query: Query) -> tuple[str, ...]:
        reader = self.reader if query.words else None
        return word_notes(reader, [ClassWords(query.text, query.words)]) if reader is not None else ()

    def part_heights(self, rows: Int[np.ndarray, " row"], words: str, judge: WordJudge) -> list[float | None]:
        """How high words stand in the best patch of each of some chips; None where neither pixels nor patches are."""
        if (reader := self.reader) is None:
            return [None] * len(rows)
        facts = self._facts(rows)
        candidates = [
            Candidate(fact["source"] or "", fact["cell"], fact["reading"], self._patches(int(row)))
            for fact, row in zip(facts, rows, strict=True)
        ]
        looks = look_closer(candidates, self.embed(words), reader, judge)
        return [None if look is None else look.height for look in looks]

    def vectors(self, rows: Int[np.ndarray, " row"]) -> Float[np.ndarray, "row dim"]:
        """The vectors of rows, which are counted through all shards."""
        places = zip(*self.archive.locate(rows), strict=True)
        found = [self.archive.shards[shard].vectors[row] for shard, row in places]
        return np.array(found, np.float32).reshape(len(rows), self.archive.model.dim)

    def _patches(self, row: int) -> Any:
        [shard], [place] = self.archive.locate(np.array([row]))
        patches = self.archive.shards[shard].patches
        return None if patches is None else patches[place]

    def _facts(self, rows: Int[np.ndarray, " row"]) -> list[dict[str, Any]]:
        return gather(self.archive, rows, lambda shard, some: chip_facts(shard, some, _COLUMNS))


def _unread(hits: Sequence[Hit], looks: Sequence[Look | None]) -> tuple[str, ...]:
    """A sentence on places that could not be looked into: neither their pixels nor patches are at hand."""
    gone = [hit.source for hit, look in zip(hits, looks, strict=False) if look is None]
    names = format_some(list(dict.fromkeys(gone)), 3)
    return (f"{len(gone)} of the {len(looks)} best cannot be read and looked into: {names}",) if gone else ()


def _looks(top: int) -> int:
    """How many places are looked into, if so many are wanted."""
    return max(LEAST_LOOKS, min(_SECOND_LOOK * top, _MOST_LOOKS))


def _rank_again(hits: list[Hit], looks: Sequence[Look | None]) -> list[Hit]:
    """The hits that were looked into in the order of both stages, before the others."""
    if not looks:
        return hits
    fit = fits(np.array([hit.score for hit in hits[: len(looks)]]), looks)
    seen = [
        hit if look is None else replace(hit, part=look.part, outline=look.outline, part_score=look.best)
        for hit, look in zip(hits, looks, strict=False)
    ]
    order = np.argsort(-fit, kind="stable")
    return [*(replace(seen[index], fit=float(fit[index])) for index in order), *hits[len(looks) :]]


def _hit(fact: dict[str, Any], ranked: Ranked, index: int) -> Hit:
    window = Window(*(int(fact[name] or 0) for name in WINDOW))
    geometry = None if fact["geometry"] is None else shapely.from_wkb(fact["geometry"])
    return Hit(index + 1, float(ranked.scores[index]), fact["source"] or "", window, geometry, fact["time"],
               fact["cell"], fact["scale_m"], fact["reading"], int(ranked.rows[index]))  # fmt: skip
