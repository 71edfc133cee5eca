"""Download one file from the Hugging Face hub, or from another hub that HF_ENDPOINT names and nobody vouches for."""

import re
import shutil
import time
from pathlib import Path
from typing import Any

from geoglot.errors import ModelError
from geoglot.legible import reason_of
from geoglot.settings import load_settings

_PLAIN = re.compile(r"[0-9A-Za-z_-]{1,128}")  # the hub's client makes names of files of these
_PATIENCE_S, _SLOWEST = 60, 1000  # after so many seconds a download must have made so many bytes a second


def hub_fetch(repo: str, file: str) -> tuple[Path, str | None]:
    """Download a file, with a progress bar on stderr; returns its path and the sha256 that the hub states, if any."""
    from huggingface_hub import hf_hub_download

    try:
        _check_offer(repo, file)
        path = Path(hf_hub_download(repo, file, tqdm_class=_watch())).resolve()
    except ModelError:
        raise
    except Exception as error:  # its client and the library below have errors without a common base
        why = reason_of(error, 300)
        raise ModelError(f"{repo}/{file} cannot be downloaded ({why}); is the network up?") from error
    # In its cache, large files are named by the sha256 that the hub states, small ones by a shorter tag
    return path, path.name if re.fullmatch("[0-9a-f]{64}", path.name) else None


def _check_offer(repo: str, file: str) -> None:
    """Raise ModelError for a file that is too large for the disk, or that the hub calls by a name with a path in it."""
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url, try_to_load_from_cache

    if constants.HF_HUB_OFFLINE or try_to_load_from_cache(repo, file):
        return
    offer = get_hf_file_metadata(hf_hub_url(repo, file))
    for name in (offer.etag, offer.commit_hash):
        if name is not None and not _PLAIN.fullmatch(name):
            raise ModelError(f"{repo}/{file} has the tag {name[:50]!r} on this hub, which is no tag of a file")
    folder = next(path for path in (load_settings().cache, *load_settings().cache.parents) if path.exists())
    size = offer.size or 0
    if size > (free := shutil.disk_usage(folder).free):
        raise ModelError(
            f"{repo}/{file} has {size / 1e9:,.1f} GB on this hub, and the disk has {free / 1e9:,.1f} GB left; "
            "free some space or check HF_ENDPOINT"
        )


def _watch() -> type[Any]:
    """A progress bar that ends a download with more bytes than announced, and one that hardly moves."""
    from huggingface_hub.utils.tqdm import tqdm

    bar: Any = tqdm

    class Watch(bar):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self._most, self._start = options.get("total"), time.monotonic()
            self._received: float = options.get("initial") or 0

        def update(self, count: float | None = 1) -> Any:
            self._received += count or 0
            if self._most and self._received > self._most:
                raise ValueError(f"it has more than the {self._most:,} bytes that the hub announced")
            seconds = time.monotonic() - self._start
            if seconds > _PATIENCE_S and self._received < _SLOWEST * seconds:
                raise ValueError(f"it sent {self._received:,.0f} bytes in {seconds:.0f} s")
            return super().update(count)

    return Watch
