"""The state of a source: facts that change with its file and with the files that GDAL reads beside it."""

import contextlib
import hashlib
from pathlib import Path
from typing import Any

from rasterio.errors import RasterioError
from rasterio.windows import Window

from geoglot.sources.georeferencing import find_sidecars
from geoglot.sources.raster_guard import is_local


def source_state(dataset: Any, uri: str) -> dict[str, Any]:
    """Facts of an open dataset, as JSON."""
    # GDAL does not list all sidecars.
    paths = {Path(name).resolve() for name in (*dataset.files, *find_sidecars(dataset, uri))}
    files = sorted(path for path in paths if path.exists()) if is_local(uri) else []
    stats = {str(path): path.stat() for path in files}
    return {
        "files": {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()},
        "blocks": None if files else _hash_blocks(dataset),
        "driver": dataset.driver,
        "shape": [dataset.count, dataset.height, dataset.width],
        "dtype": dataset.dtypes[0],
    }


def _hash_blocks(dataset: Any) -> str:
    """Hash of a few blocks, for sources without a modification time: in archives, on other machines."""
    height, width = dataset.block_shapes[0]
    digest = hashlib.sha256()
    for along in (0.0, 0.25, 0.5, 0.75, 1.0):
        row, col = (int(along * max(0, side - step)) for side, step in zip(dataset.shape, (height, width), strict=True))
        with contextlib.suppress(RasterioError):  # a damaged block is reported by the read of its window
            digest.update(dataset.read(1, window=Window(col, row, width, height)).tobytes())
    return digest.hexdigest()
