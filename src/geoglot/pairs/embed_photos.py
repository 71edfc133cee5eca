"""Embed the photos of a pair set: the frozen ground tower sees every photo only once.

Several processes take a shard each in turn. A shard's file appears whole, so a killed run goes on at its first shard
without one. Photos are decoded in threads while the tower computes.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

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
_THREADS, _AHEAD = 8, 2  # threads that decode photos, and batches that are decoded ahead of the tower
_Chip = Float[np.ndarray, "3 side side"]
#: Stored embedding of a photo: the mapped array of a shard and a row of it
_Stored = dict[str, tuple[np.ndarray, int]]


def embed(
    pairs: PairSet,
    ground: VisionLanguageModel,
    progress: Progress | None = None,
    what: str = "photos",
    part: tuple[int, int] = (0, 1),
) -> None:
    """Make the embeddings that are missing, a shard at a time; each file appears whole or not at all.

    Stored ones are checked before any is made: SourceError as `check_vectors`. `what` is the label of the progress.
    `part` are the number of this process and how many there are, which share the shards.
    """
    sha256, dim = ground.card.sha256, ground.card.dim
    rank, processes = part
    for shard in pairs.shards:
        if shard.has_vectors(sha256):
            check_vectors(shard, sha256, dim)
    if all(shard.has_vectors(sha256) for shard in pairs.shards):
        return
    stored: _Stored = {}
    own = pairs.shards[rank::processes]
    before, photos = 0, sum(shard.photos for shard in own)
    for shard in own:

        def advance(done: int, before: int = before) -> None:
            if progress:
                progress(what, before + done, photos)

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
    done = 0
    for names, chips in _decode_ahead(wanted, images, ground.card.tile_size):
        vectors |= zip(names, _encode(ground, names, chips), strict=True)
        advance(done := done + len(names))
    return np.stack([vectors[photo] for photo in shard.links.photo])


def _decode_ahead(wanted: list[str], images: Mapping[str, bytes], side: int) -> Iterator[tuple[list[str], list[_Chip]]]:
    """Names and pixels of photos, a batch at a time; the next batches are decoded while one is used."""
    batches = iter([wanted[first : first + _BATCH] for first in range(0, len(wanted), _BATCH)])
    with ThreadPoolExecutor(_THREADS) as pool:

        def submit(names: list[str]) -> tuple[list[str], list[Future[_Chip]]]:
            return names, [pool.submit(prepare_photo, name, images[name], side) for name in names]

        waiting = deque(map(submit, islice(batches, _AHEAD)))
        while waiting:
            names, chips = waiting.popleft()
            waiting.extend(map(submit, islice(batches, 1)))
            yield names, [chip.result() for chip in chips]


def photo_vectors(ground: VisionLanguageModel, images: Mapping[str, bytes]) -> Float16[np.ndarray, "photo dim"]:
    """Embeddings of encoded photos, by their ids."""
    side = ground.card.tile_size
    return _encode(ground, list(images), [prepare_photo(name, image, side) for name, image in images.items()])


def _encode(ground: VisionLanguageModel, names: list[str], chips: list[_Chip]) -> Float16[np.ndarray, "photo dim"]:
    embeddings, failed = embed_chips(ground, chips, batch=max(1, len(chips)))
    if failed:
        first = min(failed)
        raise ModelError(f"{ground.card.name} cannot embed the photo {names[first]!r}: {failed[first]}")
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
