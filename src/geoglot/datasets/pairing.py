"""Pair the images of a folder with their label files, which have the same name, or one with a word such as _mask."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from geoglot.datasets import polygons
from geoglot.errors import SourceError
from geoglot.sources.listing import SUFFIXES, is_system_file, list_files, split_utf8_names
from geoglot.tables import read_text

YOLO = ".txt"
#: Sidecars of pictures and labels, and files for people or other programs
_BESIDE = frozenset({
    ".xml", ".prj", ".tfw", ".pgw", ".jgw", ".wld", ".ovr", ".msk", ".txt", ".csv", ".md", ".yaml", ".yml", ".toml",
    ".html", ".cache", ".db", ".ini", ".cpg", ".dbf", ".shx", ".qix", ".sbn", ".sbx", ".qmd", ".qml", ".lock", ".zip",
})  # fmt: skip
_LABELS = "masks?|msk|labels?|lbl|gt|ground_?truth|truth|seg|segmentation|annotations?|labelids|labeltrainids|target"
_IMAGES = "images?|img|sat|rgb|leftimg8bit"
_NAMES_OF_CLASSES = ("classes", "labels", "obj", "predefined_classes")  # labelImg's list beside its labels


@dataclass(frozen=True)
class Listing:
    """The files of some kinds in a folder and below."""

    folder: Path
    files: tuple[Path, ...]
    """Sorted by path."""
    notes: tuple[str, ...]
    """Sentences about files that are left out."""


@dataclass(frozen=True)
class Paired:
    """Images, and the label file of each."""

    images: tuple[Path, ...]
    labels: tuple[Path | None, ...]
    """None for an image without a YOLO text, which shows no objects."""
    notes: tuple[str, ...]
    """Sentences about files that are left out."""


def find_files(folder: Path, suffixes: Collection[str]) -> Listing:
    """Files with one of these suffixes, in any case, in a folder and below; SourceError for an unreadable folder.

    System files (names that begin with a dot, Thumbs.db) are passed over.
    """
    named, notes = split_utf8_names(list_files(folder))
    used = tuple(path for path in named if path.suffix.lower() in suffixes)
    others = [path for path in named if path.suffix.lower() not in _BESIDE.union(suffixes)]
    if others:
        files = "1 file is" if len(others) == 1 else f"{len(others)} files are"
        kinds = ", ".join(sorted(suffixes))
        notes.append(f"{files} left out of {folder}, the first {others[0].relative_to(folder)}; geoglot reads {kinds}")
    return Listing(folder, used, tuple(notes))


def folders_in(folder: Path) -> list[Path]:
    """The folders directly in a folder, sorted."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not is_system_file(path.name))


def pair(folder: Path, label_folders: Sequence[Path], listed: Path | None = None) -> Paired:
    """The images of a split with their labels; SourceError if the pairs are ambiguous.

    In a folder of both, files that are called masks or are no pictures are labels. `listed` is a text with the names of
    the split's images, one per line.
    """
    images = _list_images(folder, listed, is_mixed=folder in label_folders)
    if not images.files:
        why = "; ".join(images.notes) or f"geoglot reads {', '.join(sorted(SUFFIXES))}"
        raise SourceError(f"the folder {folder} has no images in it; {why}")
    keys = [_key(path, folder) for path in images.files]
    if double := next((key for key, count in Counter(keys).items() if count > 1), None):
        raise SourceError(f"two images in {folder} are called {double}, so their masks are ambiguous; rename one")
    listings = [find_labels(labels, folder) for labels in label_folders]
    labels = _match(images, keys, listings)
    matched = set(labels)
    alone = [path for listing in listings for path in listing.files if path not in matched and not listed]
    notes = list(dict.fromkeys(note for listing in (images, *listings) for note in listing.notes))
    if alone:
        files = "1 label file is" if len(alone) == 1 else f"{len(alone)} label files are"
        notes.append(f"{files} left out because no image has such a name, the first {alone[0]}")
    return Paired(images.files, tuple(labels), tuple(notes))


def has_labels_beside(folder: Path) -> bool:
    """Whether a folder of images holds their labels too: pictures that are called masks, or YOLO texts."""
    keys = {_key(path, folder) for path in find_files(folder, SUFFIXES).files}
    texts = {_key(path, folder) for path in find_files(folder, {YOLO}).files}
    images = {bare for key in keys for bare in (key, _strip_word(key, _IMAGES))}
    return bool(texts & keys) or any(_is_mask(key) and _strip_word(key, _LABELS) in images for key in keys)


def find_labels(folder: Path, images: Path) -> Listing:
    """Masks and polygons in a folder, or YOLO texts if there are none; `images` is the folder of their images."""
    labels, texts = find_files(folder, SUFFIXES | polygons.SUFFIXES), find_files(folder, {YOLO})
    if folder == images:
        pictures = set(_list_images(folder, None, is_mixed=True).files)
        labels = replace(labels, files=tuple(path for path in labels.files if path not in pictures))
    if labels.files:
        return labels
    named = tuple(path for path in texts.files if path.stem.lower() not in _NAMES_OF_CLASSES)
    return Listing(folder, named, () if folder == images else texts.notes) if named else labels


def _list_images(folder: Path, listed: Path | None, is_mixed: bool) -> Listing:
    images = find_files(folder, SUFFIXES)
    if is_mixed:
        images = replace(images, files=tuple(path for path in images.files if not _is_mask(_key(path, folder))))
    if listed is None:
        return images
    names = set(read_stems(listed))
    chosen = tuple(path for path in images.files if path.stem in names)
    if absent := sorted(names - {path.stem for path in chosen}):
        raise SourceError(f"{listed} names {len(absent)} images that are not in {folder}, the first {absent[0]}")
    return replace(images, files=chosen)


def read_stems(path: Path) -> list[str]:
    """The stems of the file names in a text, one per line."""
    return [Path(line.strip()).stem for line in read_text(path).body.splitlines() if line.strip()]


def _match(images: Listing, keys: Sequence[str], listings: Sequence[Listing]) -> list[Path | None]:
    """The label file of each image. It has the image's name, once words such as mask and image are removed."""
    exact, bare = defaultdict[str, list[Path]](list), defaultdict[str, list[Path]](list)
    for listing in listings:
        for path in listing.files:
            key = _key(path, listing.folder)
            exact[key].append(path)
            bare[_strip_word(key, _LABELS)].append(path)
    labels, owners = list[Path | None](), dict[Path, Path]()
    for image, key in zip(images.files, keys, strict=True):
        choice = exact.get(key) or bare.get(key) or bare.get(_strip_word(key, _IMAGES)) or []
        if len(choice) > 1:
            raise SourceError(f"{image} has two label files, {choice[0]} and {choice[1]}; remove one of them")
        labels.append(choice[0] if choice else None)
    for image, label in zip(images.files, labels, strict=True):
        if label and (other := owners.setdefault(label, image)) != image:
            raise SourceError(f"{label} may belong to {other} or {image}; give labels the names of their images")
    if not any(path.suffix.lower() == YOLO for listing in listings for path in listing.files):
        _check_complete(images, keys, labels, listings)
    return labels


def _check_complete(
    images: Listing, keys: Sequence[str], labels: Sequence[Path | None], listings: Sequence[Listing]
) -> None:
    """SourceError if an image has no labels; it names the expected file and an unused one."""
    lacking = [index for index, label in enumerate(labels) if label is None]
    if not lacking:
        return
    more = f" and {len(lacking) - 1} more images have" if len(lacking) > 1 else " has"
    matched = set(labels)
    unused = next((path for listing in listings for path in listing.files if path not in matched), None)
    notes = "".join(f"{note}; " for listing in listings for note in listing.notes)
    raise SourceError(
        f"{images.files[lacking[0]]}{more} no mask: expected {listings[0].folder / keys[lacking[0]]}.png (or .tif); "
        + (f"there is {unused}; " if unused else notes)
        + "images without labels do not belong in a labelled split: geoglot segment maps them"
    )


def _key(path: Path, folder: Path) -> str:
    """The path of an image or label below its folder, without the suffix; equal for both.

    Accents are normalised, since a Mac writes an accented letter as two characters.
    """
    return unicodedata.normalize("NFC", path.relative_to(folder).with_suffix("").as_posix())


def _is_mask(key: str) -> bool:
    return _strip_word(key, _LABELS) != key


def _strip_word(key: str, words: str) -> str:
    """A key without such a word at either end of its name, and without an image suffix (a.tif in a.tif.geojson)."""
    folder, _, name = key.rpartition("/")
    name = Path(name).stem if Path(name).suffix.lower() in SUFFIXES else name
    name = re.sub(rf"[_\-. ](?:{words})$|^(?:{words})[_\-. ]", "", name, count=1, flags=re.IGNORECASE)
    return f"{folder}/{name}" if folder else name
