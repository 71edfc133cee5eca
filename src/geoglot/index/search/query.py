"""What a search asks: words, an example picture, a place, and examples of what is meant and what is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float

from geoglot.aliases import PathLike
from geoglot.errors import InputError, ModelError
from geoglot.figures import format_count
from geoglot.index.concepts.background import Background, background_of
from geoglot.index.concepts.head import as_word, fit_head
from geoglot.index.concepts.marks import marked_vectors, parse_place, vectors_at
from geoglot.index.concepts.reader import find_reader, owner_of
from geoglot.index.search.block import Fuse, Scores, first
from geoglot.index.search.kept_words import KeptWords
from geoglot.index.search.said import Said
from geoglot.index.store.archive import Archive
from geoglot.models.lazy_model import LazyModel
from geoglot.scene.class_words import parse_words
from geoglot.scene.concept_names import is_concept

_MARK_FILES = (".gpkg", ".geojson", ".json", ".parquet", ".shp", ".kml", ".kmz", ".fgb", ".zip", ".txt", ".csv", ".tsv")
Vector = Float[np.ndarray, " dim"]


@dataclass(frozen=True, eq=False)
class Query:
    """A question as vectors."""

    text: str
    """As a person reads it."""
    vectors: Float[np.ndarray, "query dim"]
    fuse: Fuse
    words: KeptWords | None = None
    """What is known of its words; None without any."""

    @property
    def alone(self) -> Query:
        """The same question by its words alone; itself, if there is nothing else."""
        spoken = None if self.words is None else self.words.said.vector
        if spoken is None or (len(self.vectors) == 1 and np.array_equal(self.vectors[0], spoken)):
            return self
        return replace(self, vectors=spoken[None].astype(np.float64), fuse=first)


@dataclass(eq=False)
class Questioner:
    """Turns questions into vectors of the model of an archive."""

    archive: Archive
    model: LazyModel | PathLike | None = None
    """The archive's, or its place if it is not in the zoo."""
    device: str | None = None
    _texts: dict[str, Vector] = field(default_factory=dict)

    @cached_property
    def reader(self) -> LazyModel | None:
        """The model, which is loaded when it is first needed; None for vectors that others made."""
        if isinstance(self.model, LazyModel):
            return self.model
        return find_reader(self.archive.model, self.model, self.device)

    @cached_property
    def background(self) -> Background:
        """What the archive's images look like."""
        return background_of(self.archive)

    def ask(
        self,
        words: str | None,
        image: PathLike | None,
        place: str | None,
        like: Sequence[PathLike],
        unlike: Sequence[PathLike],
    ) -> Query:
        """The query of all that was given; InputError if that is nothing, or counterexamples alone."""
        parts = parse_words(words) if words else ()
        known = self.know(parts) if parts else None
        spoken = None if known is None else known.said.vector
        vectors, shown = [] if spoken is None else [spoken], [words] if words else []
        if like or unlike:
            vector, counted = self._head(spoken, like, unlike)
            vectors, shown = [vector], [*shown, counted]
        if image is not None:
            vectors.append(self.look(image))
            shown.append(f"like {Path(image).name}")
        if place is not None:
            vectors.append(vectors_at(self.archive, [parse_place(place)])[0])
            shown.append(f"like {place}")
        if not vectors:
            raise InputError("a search needs words, --image, --place or --like")
        stacked = np.stack(vectors).astype(np.float64)
        fuse = first if len(vectors) == 1 else compose(stacked, self.background)
        return Query(", ".join(filter(None, shown)), stacked, fuse, known)

    def know(self, parts: tuple[str, ...]) -> KeptWords:
        """What the model says of words and saw of them before; concepts, which may be taught anew, are not kept."""
        owner, dim = owner_of(self.archive.model), self.archive.model.dim
        reader = self.reader if self.reader or all(map(is_concept, parts)) else self._need_reader()
        identity = reader.identity if reader and not any(map(is_concept, parts)) else ""
        return KeptWords.open(identity, parts, dim, lambda: Said.of(parts, owner, reader.loaded if reader else None))

    def read(self, parts: Sequence[str]) -> Vector:
        """The unit vector of words, any of which may be meant; concepts need no model."""
        key = ", ".join(parts)
        if key not in self._texts:
            reader = None if all(map(is_concept, parts)) else self._need_reader().loaded
            from geoglot.index.concepts.words import embed_words  # imports torch

            self._texts[key] = embed_words(parts, owner_of(self.archive.model), reader)
        return self._texts[key]

    def look(self, image: PathLike) -> Vector:
        """The unit vector of a picture as a whole, reduced to the model's size."""
        from geoglot.index.build.chip_pixels import read_chip  # this and torch take as long as a search by kept words
        from geoglot.scene.embed import embed, pad

        card = (reader := self._need_reader()).card
        tile = read_chip(str(image), None, card.tile_size)
        vectors, failed = embed(reader.loaded, [pad(tile.pixels, card.patch_size, card.tile_size)])
        if failed:
            raise ModelError(f"{image} cannot be encoded: {failed[0]}")
        vector: np.ndarray = vectors[0]
        return vector

    def _head(self, spoken: Vector | None, like: Sequence[PathLike], unlike: Sequence[PathLike]) -> tuple[Vector, str]:
        """The vector of examples, which starts as the words; and how many they are, in words."""
        if not like:
            raise InputError("--unlike needs --like too: say what it is, beside what it is not")
        yes, no = self._examples(like), self._examples(unlike)
        head = fit_head(spoken, yes, no, self.background)
        against = f" and unlike {format_count(len(no), 'example')}" if len(no) else ""
        return as_word(head, spoken, self.background)[0], f"like {format_count(len(yes), 'example')}{against}"

    def _examples(self, files: Sequence[PathLike]) -> Float[np.ndarray, "example dim"]:
        """Vectors of pictures, of the chips that files of places mark, and of places such as 4.48,51.92."""
        rows = [np.empty((0, self.archive.model.dim))]
        for file in files:
            if str(file).lower().endswith(_MARK_FILES):
                rows.append(marked_vectors(self.archive, (Path(file),)))
            elif Path(file).exists():
                rows.append(self.look(file)[None])
            else:
                rows.append(vectors_at(self.archive, [parse_place(str(file))]))
        return np.concatenate(rows).astype(np.float64)

    def _need_reader(self) -> LazyModel:
        if self.reader is None:
            raise InputError(
                f"{self.archive.place} holds vectors of {self.archive.model.name}, which reads no words here; search "
                "by --place or --like, or by a concept (geoglot index teach, geoglot index bridge)"
            )
        return self.reader


def compose(vectors: Float[np.ndarray, "query dim"], background: Background) -> Fuse:
    """Fuse similarities to several vectors as composed retrieval does (Psomas et al. 2024, arXiv 2405.15587).

    Cosines to a text and to a picture have other means and spreads. Each becomes the share of images that are less
    similar, by the normal distribution with the archive's mean and standard deviation, and the shares are averaged.
    """
    from scipy.special import ndtr

    level = (vectors @ background.mean)[:, None]
    spread = np.array([background.spread(vector) for vector in vectors])[:, None]

    def fuse(scores: Scores) -> Float[np.ndarray, " row"]:
        shares: np.ndarray = ndtr((scores - level) / spread).mean(0)
        return shares

    return fuse
