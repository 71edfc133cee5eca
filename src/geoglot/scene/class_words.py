"""Parse class names as users type them, and embed them."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from geoglot.aliases import ClassesLike
from geoglot.errors import ClassesError, SourceError
from geoglot.figures import format_some
from geoglot.outputs.legend import check_names
from geoglot.tables import parse_json, read_text

#: A note on a map of several classes
COMPETE = (
    "each place has the class that fits best, so areas depend on all classes; find and ask compare a name with general "
    "words, so theirs may differ"
)
_QUOTES = " \t\r\n\"'\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb"  # as shells leave and word processors write them
_SEPARATORS = re.compile(r"[,;\n]")
_TEXT_FILES = (".txt", ".json", ".csv", ".tsv", ".yaml", ".yml")


@dataclass(frozen=True)
class ClassWords:
    """A class and its words, any of which may match."""

    name: str
    words: tuple[str, ...]


def parse_classes(classes: ClassesLike) -> tuple[ClassWords, ...]:
    """Parse a list of names, a text with commas, semicolons or line ends, a mapping to words, or a file (.txt, .json).

    A line of a .txt file reads `name` or `name: word, word`; a JSON file holds a list or a mapping. Raises ClassesError
    if there are no names, a name is no text, or a name is there twice.
    """
    given: object = classes  # callers without type checks may give anything
    if isinstance(given, bytes) or not isinstance(given, Iterable | Path):
        raise ClassesError(f"names must be a text with commas, a list of texts or a mapping to words, got {given!r}")
    if isinstance(classes, Path) or (isinstance(classes, str) and classes.lower().endswith((".txt", ".json"))):
        classes = _read_class_file(Path(classes))
    if isinstance(classes, str):
        if ":" in classes:
            raise ClassesError(f"several words for a class go into a .txt or .json file, not into {classes!r}")
        classes = split_names(classes)
    if isinstance(classes, Mapping):
        parsed = [ClassWords(_clean(name), parse_words(words) or (_clean(name),)) for name, words in classes.items()]
    else:
        parsed = [ClassWords(_clean(name), (_clean(name),)) for name in classes if _clean(name)]
    _check(parsed)
    return tuple(parsed)


def split_names(text: str) -> list[str]:
    """The names in a text, which commas, semicolons or line ends divide; some may be blank."""
    return _SEPARATORS.split(text)


def parse_words(words: str | Sequence[str]) -> tuple[str, ...]:
    """Clean words of a list or a text with commas, semicolons or line ends; may be empty."""
    parts: object = split_names(words) if isinstance(words, str) else words
    if not isinstance(parts, Iterable):
        raise ClassesError(f"the words of a class must be a text with commas or a list of texts, got {words!r}")
    return tuple(_clean(part) for part in parts if _clean(part))


def _clean(text: object) -> str:
    if not isinstance(text, str):
        raise ClassesError(f"a name must be a text, got {text!r}")
    return " ".join(text.strip(_QUOTES).split())


def _check(parsed: Sequence[ClassWords]) -> None:
    names = [entry.name for entry in parsed]
    if not all(names) or not names:
        raise ClassesError('no names were given; write them with commas, such as "water, forest, building"')
    if files := [name for name in names if name.lower().endswith(_TEXT_FILES)]:
        raise ClassesError(
            f"{files[0]} looks like a file; classes are read from one .txt or .json file: --classes FILE"
        )
    _check_distinct(names)
    check_names(word for entry in parsed for word in (entry.name, *entry.words))


def _check_distinct(names: Iterable[str]) -> None:
    if double := sorted(name for name, count in Counter(names).items() if count > 1):
        raise ClassesError(f"class names must differ, but {format_some(double)} is there more than once")


def _as_mapping(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """A JSON object; ClassesError for a name that is there twice, of which a mapping would keep the last alone."""
    _check_distinct(name for name, _ in pairs)
    return dict(pairs)


def _read_class_file(path: Path) -> Sequence[str] | Mapping[str, Sequence[str]]:
    if not os.path.exists(path):  # noqa: PTH110 - Path.exists raises for names that no file can have
        raise ClassesError(f"there is no class file {path}; write one class a line, or name: word, word")
    try:
        text = read_text(path).body
        if path.suffix.lower() == ".json":
            return _checked_json(parse_json(text, make_object=_as_mapping), path)
    except (SourceError, ValueError) as error:
        raise ClassesError(f"the class file {path} cannot be read: {error}") from error
    rows = (line.partition(":") for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    pairs = [(name.strip(), words) for name, _, words in rows]
    if not pairs:
        raise ClassesError(f"the class file {path} names no classes; write one a line, or name: word, word")
    if several := next((name for name, _ in pairs if _SEPARATORS.search(name)), None):
        raise ClassesError(
            f"a line of the class file {path} must hold one class, as name or name: word, word, got {several[:40]!r}; "
            "write each class on a line of its own"
        )
    _check_distinct(name for name, _ in pairs)  # a mapping would lose doubles silently
    return {name: parse_words(words) for name, words in pairs}


def _checked_json(value: object, path: Path) -> Sequence[str] | Mapping[str, Sequence[str]]:
    if isinstance(value, list) and _is_list_of_texts(value):
        return value
    if isinstance(value, dict) and all(isinstance(words, str) or _is_list_of_texts(words) for words in value.values()):
        return value
    raise ClassesError(f"the class file {path} must hold a list of names or a mapping of names to words")


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def fill(templates: Iterable[str], word: str) -> list[str]:
    """Put the word into each template."""
    return [template.replace("{}", word) for template in templates]
