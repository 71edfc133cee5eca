"""The vectors of a pair set's photos: the frozen ground tower sees every photo once, ever."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Float, Float16
from PIL import Image

from geoglot.aliases import Progress
from geoglot.errors import ModelError, SourceError
from geoglot.models.base import VisionLanguageModel
from geoglot.pairs.pair_store import PairSet, Shard
from geoglot.pairs.validate import check_vectors
from geoglot.scene.embed import embed as embed_chips

_BATCH = 64
#: Where the vector of a photo lies already: the mapped vectors of a shard, and a row of them
_Places = dict[str, tuple[np.ndarray, int]]


def embed(pairs: PairSet, ground: VisionLanguageModel, progress: Progress | None = None, what: str = "photos") -> None:
    """Make the vectors that are not there yet, a shard at a time; each file appears whole or not at all.

    All of them are looked at, those that are there before any is made: SourceError as `check_vectors`. `what` is what
    progress calls them.
    """
    sha256, dim = ground.card.sha256, ground.card.dim
    for shard in pairs.shards:
        if shard.has_vectors(sha256):
            check_vectors(shard, sha256, dim)
    if all(shard.has_vectors(sha256) for shard in pairs.shards):
        return
    places: _Places = {}
    for number, shard in enumerate(pairs.shards):
        before = sum(one.photos for one in pairs.shards[:number])

        def advance(done: int, before: int = before) -> None:
            if progress:
                progress(what, before + done, pairs.photos)

        if not shard.has_vectors(sha256):
            shard.add_vectors(sha256, _shard_vectors(shard, ground, places, advance))
            check_vectors(shard, sha256, dim)
        vectors = shard.vectors(sha256)
        for row, photo in enumerate(shard.links.photo):
            places.setdefault(photo, (vectors, row))


def _shard_vectors(
    shard: Shard, ground: VisionLanguageModel, places: _Places, advance: Callable[[int], None]
) -> Float16[np.ndarray, "link dim"]:
    photos = list(dict.fromkeys(shard.links.photo))
    wanted = [photo for photo in photos if photo not in places]
    images = shard.images() if wanted else {}
    if missing := [photo for photo in wanted if photo not in images]:
        raise SourceError(
            f"{shard.folder} keeps no image of photo {missing[0]!r} and {len(missing) - 1} more, and has no vectors by "
            f"{ground.card.name} ({ground.card.sha256[:16]}); add the images, or train with the ground tower it has"
        )
    found: dict[str, np.ndarray] = {}
    for photo in photos:
        if photo in places:
            vectors, row = places[photo]
            found[photo] = vectors[row]
    for first in range(0, len(wanted), _BATCH):
        names = wanted[first : first + _BATCH]
        made = photo_vectors(ground, {name: images[name] for name in names})
        found |= dict(zip(names, made, strict=True))
        advance(first + len(names))
    return np.stack([found[photo] for photo in shard.links.photo])


def photo_vectors(ground: VisionLanguageModel, images: Mapping[str, bytes]) -> Float16[np.ndarray, "photo dim"]:
    """Unit vectors of encoded photos, by id."""
    side = ground.card.tile_size
    chips = [_prepare(name, image, side) for name, image in images.items()]
    embeddings, failed = embed_chips(ground, chips, batch=max(1, len(chips)))
    if failed:
        raise ModelError(
            f"{ground.card.name} cannot embed the photo {list(images)[min(failed)]!r}: {failed[min(failed)]}"
        )
    return embeddings.astype(np.float16)


def _prepare(photo: str, image: bytes, side: int) -> Float[np.ndarray, "3 side side"]:
    """As CLIP does: the short side to `side`, bicubic, then the centre."""
    try:
        picture = Image.open(io.BytesIO(image)).convert("RGB")
    except OSError as error:
        raise SourceError(f"the photo {photo!r} cannot be decoded ({error}); leave it out of the pair set") from error
    scale = side / min(picture.size)
    width, height = (max(side, round(length * scale)) for length in picture.size)
    picture = picture.resize((width, height), Image.Resampling.BICUBIC)
    left, top = (width - side) // 2, (height - side) // 2
    part = np.asarray(picture.crop((left, top, left + side, top + side)))
    return np.ascontiguousarray(part.transpose(2, 0, 1), np.float32) / np.float32(255)
