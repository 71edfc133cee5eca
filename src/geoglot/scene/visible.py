"""Which things the pixels of a scene can show, whatever the model (decision 25)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from geoglot.figures import format_list, format_number, format_some
from geoglot.models.base import VisionLanguageModel
from geoglot.models.taught import Taught
from geoglot.models.zoo import Model
from geoglot.nouns import plural, with_article
from geoglot.options import ReadOptions
from geoglot.scene.class_words import ClassWords
from geoglot.scene.dense import Dense
from geoglot.scene.extents import Extent, extent_of, extents_near, known_extents
from geoglot.scene.read import out_of_reach, pixel_size
from geoglot.scene.taught_question import as_taught
from geoglot.scene.text_vectors import MANY
from geoglot.sources.raster import Raster

_COMMON = ("people", "car", "swimming pool", "tree", "house", "road", "tennis court", "airplane", "building", "ship",
           "river", "field", "lake", "forest", "city")  # fmt: skip
_NOTES = 3  # sentences on single names
_TOLERANCE = 1.05  # the pixels of a grid of 1 m may measure 1.0004 m on the ground


def why_not_seen(
    seer: Model | Dense, raster: Raster, read: ReadOptions, classes: Sequence[ClassWords]
) -> dict[str, str]:
    """By name of a class that cannot be seen: why the scene is out of the model's reach, or its pixels too coarse."""
    if far := out_of_reach(raster, seer.card, read):
        return {entry.name: far for entry in classes}
    return too_small(getattr(seer, "model", seer), pixel_size(raster, read), classes)


@dataclass(frozen=True)
class Sight:
    """What is to be known before names are looked for in a scene."""

    why: dict[str, str]
    """Why names are not looked for."""
    notes: tuple[str, ...]
    """Sentences on names that are looked for, and cannot be seen or not be told apart."""


def look_ahead(
    dense: Dense, raster: Raster, read: ReadOptions, classes: Sequence[ClassWords], *, insist: bool
) -> Sight:
    """What of these classes is to be looked for in a scene; everything, with a note, if the user insists."""
    hidden = why_not_seen(dense, raster, read, classes)
    apart = crowded(pixel_size(raster, read), [entry for entry in classes if entry.name not in hidden])
    together = _few(apart, "run together, too")
    if not insist:
        return Sight(hidden, (*unseen_notes(hidden), *together))
    insisted = (f"{note}: it was looked for all the same, as --min-score is given" for note in unseen_notes(hidden))
    return Sight({}, (*insisted, *together))


def unseen_notes(why: Mapping[str, str]) -> tuple[str, ...]:
    """The sentences on names that cannot be seen; of many, the first, and one with the names of the others."""
    return _few(why, "cannot be seen, either")


def _few(why: Mapping[str, str], others_too: str) -> tuple[str, ...]:
    """The distinct sentences by name; of many, the first, and one on the other names."""
    sentences = list(dict.fromkeys(why.values()))
    if len(sentences) <= _NOTES:
        return tuple(sentences)
    others = [name for name, sentence in why.items() if sentence not in sentences[:_NOTES]]
    return (*sentences[:_NOTES], f"{format_some(others)} {others_too}")


def too_small(model: Model | Dense, pixel_m: float | None, classes: Sequence[ClassWords]) -> dict[str, str]:
    """By name of a class that pixels of so many metres cannot show, a sentence that says so.

    A class shows if any of its words does. Nothing is said of words that neither the table nor a near name knows, nor
    of the classes of a segmenter or of a taught model, which it learned from such pixels.
    """
    if pixel_m is None or not isinstance(model, VisionLanguageModel):
        return {}
    if isinstance(model, Taught):
        classes = [entry for entry in as_taught(model, classes) if not any(map(model.class_of, entry.words))]
    sizes = _sizes_of(model, dict.fromkeys(word for entry in classes for word in entry.words))
    return {
        entry.name: _reason(entry.words[0], sizes[entry.words[0]], pixel_m)
        for entry in classes
        if not any(_shows(sizes[word], pixel_m) for word in entry.words)
    }


def unseen_background(model: Model | Dense, pixel_m: float | None, words: Sequence[str]) -> tuple[str, ...]:
    """A sentence for each word of a background that pixels of so many metres cannot show."""
    hidden = too_small(getattr(model, "model", model), pixel_m, [ClassWords(word, (word,)) for word in words])
    return tuple(f"{reason}, so it is no background to compare with" for reason in hidden.values())


@dataclass(frozen=True)
class Shown:
    """Which common things pixels of some size show one by one, the smallest first."""

    seen: tuple[str, ...]
    unseen: tuple[str, ...]


def shown_by(pixel_m: float | None) -> Shown | None:
    """What pixels of so many metres show; None if their size is unknown."""
    if pixel_m is None:
        return None
    extents = sorted((known_extents()[name] for name in _COMMON), key=lambda extent: extent.coarsest)
    seen = tuple(extent.name for extent in extents if extent.coarsest * _TOLERANCE >= pixel_m)
    return Shown(seen, tuple(extent.name for extent in extents if extent.name not in seen))


def crowded(pixel_m: float | None, classes: Sequence[ClassWords]) -> dict[str, str]:
    """By name of a class whose things run together in pixels of so many metres, a sentence that says so."""
    if pixel_m is None:
        return {}
    known = {entry.name: extent_of(entry.words[0]) for entry in classes}
    return {
        name: f"{_at(pixel_m)} {plural(extent.name)}, about {format_number(extent.metres)} m wide, run together: "
        "the ground that they cover can be told, not how many they are"
        for name, extent in known.items()
        if extent and extent.kind == "masses" and extent.coarsest * _TOLERANCE < pixel_m
    }


def _sizes_of(model: VisionLanguageModel, words: Iterable[str]) -> dict[str, tuple[Extent, ...]]:
    """The extents of words: one from the table, several of the names nearest to it, or none."""
    sizes = {word: (extent,) if (extent := extent_of(word)) else () for word in words}
    others = [word for word, extents in sizes.items() if not extents][:MANY]
    return sizes | (extents_near(model, others) if others else {})


def _shows(extents: Sequence[Extent], pixel_m: float) -> bool:
    return not extents or any(extent.kind == "masses" or extent.coarsest * _TOLERANCE >= pixel_m for extent in extents)


def _reason(word: str, extents: Sequence[Extent], pixel_m: float) -> str:
    widest = max(extents, key=lambda extent: extent.coarsest)
    near = f"{word!r} (like {format_list([with_article(extent.name) for extent in extents])})"
    what = with_article(widest.name) if len(extents) == 1 else near
    return f"{_at(pixel_m)} {what}, about {format_number(widest.metres)} m wide, cannot be seen"


def _at(pixel_m: float) -> str:
    return f"at {format_number(pixel_m)} m a pixel"
