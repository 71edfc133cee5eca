"""Download a published model by name, verify it, and convert it into the cache."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from geoglot.errors import ModelError
from geoglot.hashing import sha256_of
from geoglot.models.card import CONFIG, TOKENIZER, Card, read_card
from geoglot.models.convert import conversion_of, convert
from geoglot.models.hub import hub_fetch
from geoglot.models.known import CLIP_B16, KNOWN
from geoglot.models.stored import cache_folder
from geoglot.models.zoo import cached_models

#: Downloads (repository, file); returns the local path and the sha256 that the hub states, if it states one
Fetch = Callable[[str, str], tuple[Path, str | None]]


def pull(name: str, fetch: Fetch = hub_fetch) -> Card:
    """Download a known model, verify it and convert it into the cache; a cached model is kept."""
    if name in cached_models():
        return read_card(cached_models()[name])
    known, target = KNOWN.get(name), cache_folder(name)
    if known is None or target is None:
        raise ModelError(f"no model to pull is called {name!r}; see: geoglot models list")
    if not known.repo:
        raise ModelError(f"{name} has no address to pull from; fetch it at {known.page}, then: geoglot models convert")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        source = _fetch_verified(fetch, known.repo, known.file, folder)
        if known.activation is None:
            _fetch_verified(fetch, known.repo, CONFIG, folder)
        _fetch_verified(fetch, known.repo if known.activation is None else CLIP_B16, TOKENIZER, folder)
        return convert(source, target, conversion_of(name))


def _fetch_verified(fetch: Fetch, repo: str, file: str, folder: Path) -> Path:
    """Fetch a file and copy it into `folder` under its own name."""
    path, sha256 = fetch(repo, file)
    if sha256 is not None and sha256_of(path) != sha256:
        raise ModelError(f"{repo}/{file} arrived damaged; remove {path} and pull again")
    return Path(shutil.copyfile(path, folder / Path(file).name))
