"""Check how a model reads words: refuse words that it cannot tell apart, and note words that it reads badly."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from tokenizers import Encoding, Tokenizer
from torch import Tensor

from geoglot.errors import ClassesError
from geoglot.models.base import VisionLanguageModel
from geoglot.models.card import Card
from geoglot.models.tokenizer import contain_panics, encode
from geoglot.scene.class_words import ClassWords, fill
from geoglot.scene.concepts import concept_of
from geoglot.scene.odd_names import odd_name_notes, quote, quote_all
from geoglot.scene.spelling import near_words
from geoglot.scene.text_vectors import text_vectors

_SAME = 1 - 1e-6  # cosine of two texts that are the same to a model: 1 but for rounding
_DIRECTIONS = 6
_NEAR = 2e-3  # unit vectors with such a cosine are at most 0.0015 apart in any direction
_FEW = 500  # words of which all pairs are compared
_BLOCK = 1024
_NOTES = 20  # of one kind
_LONG = 64  # tokens of a text; captions have some 10 to 30
_SHORT = 3  # letters of a piece of a word that has no meaning by itself
_ENDINGS = {"s", "es", "d", "ed", "ing", "ly", "y"}
_BACKGROUND = "the background"
_LANGUAGES = {"en": "English"}


@contain_panics("the model's tokenizer")
def word_notes(
    model: VisionLanguageModel,
    classes: Sequence[ClassWords],
    vectors: Float[Tensor, "word dim"] | None = None,
    *,
    background: Sequence[str] = (),
    templates: Sequence[str] = ("{}",),
) -> tuple[str, ...]:
    """Sentences for the user on how a model reads these words.

    `vectors` are the embeddings of all words, the background's last; None computes them in the first template.

    Raises ClassesError for a word of which the model knows no part, and for words of different classes with the same
    embedding, since the second would never win. Doubles within a class, words of another language and texts that are
    too long get a note (decision 20).
    """
    groups = [*classes, *([ClassWords(_BACKGROUND, tuple(background))] if background else [])]
    entries = [_Entry(group.name, word) for group in groups for word in group.words]
    plain = {entry.word for entry in entries if not concept_of(model, entry.word)}  # a concept is not read as a text
    texts = [entry for entry in entries if entry.word in plain]
    classes = [ClassWords(entry.name, tuple(word for word in entry.words if word in plain)) for entry in classes]
    _check_known(model, texts)
    if vectors is None:
        with torch.inference_mode():
            vectors = text_vectors(model, [entry.word for entry in entries], templates[:1])
    doubles = list[str]()
    for one, other in ((entries[first], entries[second]) for first, second in _pairs_alike(vectors)):
        if one.group != other.group:
            raise ClassesError(_alike(model.card.name, one, other))
        if len(doubles) < _NOTES:
            doubles.append(_alike(model.card.name, one, other))
    return (
        *doubles,
        *odd_name_notes(classes),
        *_unknown_notes(model, classes),
        *islice(_length_notes(model, texts, templates), _NOTES),
    )


def patch_notes(model: VisionLanguageModel) -> tuple[str, ...]:
    """A note before maps by a model whose patches were never trained to match words."""
    if model.space.level != "image":
        return ()
    return (
        f"{model.space.name} is a GRAFT of image level: its patches were never trained, so maps by it are a guess; "
        "it labels and searches whole tiles, and a GRAFT of pixel level makes maps",
    )


@dataclass(frozen=True)
class _Entry:
    """A word of a class."""

    group: str
    word: str


def _check_known(model: VisionLanguageModel, entries: Sequence[_Entry]) -> None:
    if (tokenizer := _tokenizer(model)) is None:
        return
    encoded = _encode(tokenizer, [entry.word for entry in entries])
    if unknown := [word for word, encoding in encoded if not any(_known_tokens(tokenizer, encoding))]:
        reads = f"; it reads {_languages(model.card)}" if model.card.languages else ""
        raise ClassesError(f"{model.card.name} knows no part of {quote_all(unknown)}{reads}")


def _encode(tokenizer: Tokenizer, words: Sequence[str]) -> Iterator[tuple[str, Encoding]]:
    """Each word with its tokens. Many are encoded at once, since each call takes time."""
    for start in range(0, len(words), _BLOCK):
        block = words[start : start + _BLOCK]
        yield from zip(block, encode(tokenizer, block, "the model's tokenizer", special=False), strict=True)


def _known_tokens(tokenizer: Tokenizer, encoding: Encoding) -> list[bool]:
    """For each token of a text, whether the tokenizer knows it."""
    unknown = getattr(tokenizer.model, "unk_token", None)
    return [token != unknown for token in encoding.tokens]


def _pairs_alike(vectors: Float[Tensor, "word dim"]) -> Iterator[tuple[int, int]]:
    """Indices of words with the same embedding, in ascending order: the first of them with each of the others.

    Only words whose embeddings lie near each other in some directions are compared, since there may be 100,000 words.
    """
    if len(vectors) < 2:
        return
    unit = F.normalize(vectors.float(), dim=1).cpu()
    near, done = _neighbours(unit), set[int]()
    for first in range(len(unit)):
        if first in done:
            continue
        if later := [other for other in near(first) if other > first]:
            same = (unit[later] @ unit[first] > _SAME).tolist()
            others = [other for other, is_same in zip(later, same, strict=True) if is_same]
            done.update(others)
            yield from ((first, other) for other in others)


def _neighbours(unit: Float[Tensor, "word dim"]) -> Callable[[int], Sequence[int]]:
    """What gives the indices, in ascending order, of words that may have the embedding of one of them."""
    if len(unit) <= _FEW:
        return lambda _: range(len(unit))
    from scipy.spatial import cKDTree

    directions = torch.randn(unit.shape[1], _DIRECTIONS, generator=torch.Generator().manual_seed(0))
    shadows = (unit @ F.normalize(directions, dim=0)).double().numpy()
    tree = cKDTree(shadows)
    return lambda first: tree.query_ball_point(shadows[first], _NEAR, p=np.inf, return_sorted=True)


def _alike(model: str, one: _Entry, other: _Entry) -> str:
    """The message about two words with the same embedding."""
    if other.group == _BACKGROUND != one.group:
        same = f" ({quote(other.word)} is the same to {model})" if one.word != other.word else ""
        return f"{quote(one.word)} cannot be found and be the background{same}; take it out of one of them"
    both = f"{quote(one.word)} and {quote(other.word)}"
    if one.group == other.group:
        listed = f"{quote(one.word)} is listed twice" if one.word == other.word else f"{both} are one word to {model}"
        return f"{listed} in {quote(one.group)}, which changes what that class means; list it once"
    classes = "" if (one.word, other.word) == (one.group, other.group) else f" of {one.group!r} and {other.group!r}"
    return f"{both}{classes} are the same to {model}, so that one of them would never be chosen; leave one out"


def _unknown_notes(model: VisionLanguageModel, classes: Sequence[ClassWords]) -> tuple[str, ...]:
    """Notes on words that may be misspelt, of another script, or in pieces if most are: rare ones, or foreign ones."""
    if (tokenizer := _tokenizer(model)) is None:
        return ()
    words = list(dict.fromkeys(word for entry in classes for word in entry.words))
    near = dict(islice(near_words(tokenizer, words), _NOTES))
    name = model.card.name
    spelling = (*(f"{name} does not know {quote(a)} as a word: did you mean {quote(b)}?" for a, b in near.items()),)
    if model.card.languages != ("en",):
        return spelling
    words = [word for word in words if word not in near]
    encoded = _encode(tokenizer, words)
    foreign = {word for word, read in encoded if not (_is_latin(word) and all(_known_tokens(tokenizer, read)))}
    broken = _falling_apart(tokenizer, [word for word in words if word not in foreign])
    most = 2 * len(foreign | broken) >= len(words)
    doubtful = [word for word in words if word in foreign or (most and word in broken)]
    if not doubtful:
        return spelling
    them, kind = ("them", "words") if len(doubtful) > 1 else ("it", "a word")
    return (
        *spelling,
        f"{model.card.name} reads {_languages(model.card)} only, and does not know {quote_all(doubtful)} as "
        f"{kind}: it sees {them} in pieces at most, so what it makes of {them} may mean nothing; try common English",
    )


def _falling_apart(tokenizer: Tokenizer, texts: Sequence[str]) -> set[str]:
    """The texts of which the tokenizer splits most words into pieces without meaning."""
    words = {text: re.findall(r"[^\W\d_]+", text) for text in texts}
    distinct = list(dict.fromkeys(chain.from_iterable(words.values())))
    broken = {word for word, encoding in _encode(tokenizer, distinct) if _is_broken(word, encoding)}
    return {text for text, parts in words.items() if 2 * sum(part in broken for part in parts) > len(parts)}


def _is_broken(word: str, encoding: Encoding) -> bool:
    """Whether a word falls into meaningless pieces; an English tokenizer splits rare words into words: crop, land."""
    pieces = [word[start:end] for start, end in encoding.offsets]
    while pieces and len(pieces[0]) > _SHORT and len(pieces) > 1 and pieces[-1].lower() in _ENDINGS:
        pieces = pieces[:-1]
    if len(pieces) < 2:
        return False
    mean = sum(map(len, pieces)) / len(pieces)
    return mean < _SHORT or (mean == _SHORT and len(pieces[0]) <= _SHORT) or not word.isascii()


def _is_latin(text: str) -> bool:
    return all(unicodedata.name(char, "").startswith("LATIN") for char in text if char.isalpha())


def _length_notes(model: VisionLanguageModel, entries: Sequence[_Entry], templates: Sequence[str]) -> Iterator[str]:
    """Notes on texts that are longer than the model reads."""
    longest = max(templates, key=len, default="{}")
    counts = model.tokens_read([fill([longest], entry.word)[0] for entry in entries])
    for entry, (read, total) in zip(entries, counts, strict=True):
        text = f"the text {quote(entry.word)} of {quote(entry.group)}"
        if read < total:
            yield (
                f"{text} is too long for {model.card.name}: it reads {read} of {total} tokens, so the end is left out; "
                "use fewer words"
            )
        elif total > _LONG:
            yield (
                f"{text} is long: {model.card.name} makes one vector of all its {total} tokens, in which each counts "
                "for little; use fewer words"
            )


def _tokenizer(model: VisionLanguageModel) -> Tokenizer | None:
    """None for a model without a tokenizer."""
    return getattr(model, "tokenizer", None)


def _languages(card: Card) -> str:
    return " and ".join(_LANGUAGES.get(code, code) for code in card.languages)
