"""Embed the photos of a pair set: the frozen ground tower sees every photo only once."""

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
from geoglot.sources.photos.decoding import decode_rgb

_BATCH = 64
#: Stored embedding of a photo: the mapped array of a shard and a row of it
_Stored = dict[str, tuple[np.ndarray, int]]


def embed(pairs: PairSet, ground: VisionLanguageModel, progress: Progress | None = None, what: str = "photos") -> None:
    """Make the embeddings that are missing, a shard at a time; each file appears whole or not at all.

    Stored ones are checked before any is made: SourceError as `check_vectors`. `what` is the label of the progress.
    """
    sha256, dim = ground.card.sha256, ground.card.dim
    for shard in pairs.shards:
        if shard.has_vectors(sha256):
            check_vectors(shard, sha256, dim)
    if all(shard.has_vectors(sha256) for shard in pairs.shards):
        return
    stored: _Stored = {}
    before = 0
    for shard in pairs.shards:

        def advance(done: int, before: int = before) -> None:
            if progress:
                progress(what, before + done, pairs.photos)

        if not shard.has_vectors(sha256):
            shard.add_vectors(sha256, _embed_shard(shard, ground, stored, advance))
            check_vectors(shard, sha256, dim)
        vectors = shard.vectors(sha256)
        for row, photo in enumerate(shard.links.photo):
            stored.setdefault(photo, (vectors, row))
        before += shard.photos


def _embed_shard(
    shard: Shard, ground: VisionLanguageModel, stored: _Stored, advance: Callable[[int], None]
) -> Float16[np.ndarray, "link dim"]:
    vectors = {photo: stored[photo][0][stored[photo][1]] for photo in shard.links.photo if photo in stored}
    wanted = [photo for photo in dict.fromkeys(shard.links.photo) if photo not in stored]
    images = shard.images() if wanted else {}
    if missing := [photo for photo in wanted if photo not in images]:
        raise SourceError(
            f"{shard.folder} keeps no image of photo {missing[0]!r} and {len(missing) - 1} more, and has no vectors by "
            f"{ground.card.name} ({ground.card.sha256[:16]}); add the images, or train with the ground tower it has"
        )
    for first in range(0, len(wanted), _BATCH):
        names = wanted[first : first + _BATCH]
        vectors |= zip(names, photo_vectors(ground, {name: images[name] for name in names}), strict=True)
        advance(first + len(names))
    return np.stack([vectors[photo] for photo in shard.links.photo])


def photo_vectors(ground: VisionLanguageModel, images: Mapping[str, bytes]) -> Float16[np.ndarray, "photo dim"]:
    """Embeddings of encoded photos, by their ids."""
    side = ground.card.tile_size
    chips = [prepare_photo(name, image, side) for name, image in images.items()]
    embeddings, failed = embed_chips(ground, chips, batch=max(1, len(chips)))
    if failed:
        first = min(failed)
        raise ModelError(f"{ground.card.name} cannot embed the photo {list(images)[first]!r}: {failed[first]}")
    return embeddings.astype(np.float16)


def prepare_photo(photo: str, image: bytes, side: int) -> Float[np.ndarray, "3 side side"]:
    """Resize the short side to `side` and crop the centre, as CLIP does; brightness 0..1."""
    try:
        picture = decode_rgb(image)
    except OSError as error:
        raise SourceError(f"the photo {photo!r} cannot be decoded ({error}); leave it out of the pair set") from error
    scale = side / min(picture.size)
    width, height = (max(side, round(length * scale)) for length in picture.size)
    pixels = np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC))
    left, top = (width - side) // 2, (height - side) // 2
    part = pixels[top : top + side, left : left + side]
    return np.ascontiguousarray(part.transpose(2, 0, 1), np.float32) / np.float32(255)
