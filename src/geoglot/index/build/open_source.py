"""Opens a source of an archive, wherever it lies."""

from collections.abc import Iterator
from contextlib import contextmanager

from geoglot.errors import SourceError
from geoglot.geo import Grid
from geoglot.index.build.find_sources import hash_files, look_at
from geoglot.index.build.stac_scenes import StacScene, open_scene_of
from geoglot.index.build.units import Rules, Source
from geoglot.sources.raster import Raster, open_raster, read_grid
from geoglot.sources.raster_guard import is_local


def grid_of(source: Source) -> Grid:
    """The grid of a source's own pixels, which are not read."""
    if source.scene is None:
        return read_grid(source.uri)
    with open_scene_of(source.scene) as scene:
        return scene.native


@contextmanager
def open_source(source: Source, rules: Rules) -> Iterator[Raster | StacScene]:
    """Open a source at its own resolution; SourceError if a local file does not hold what it held when it was found."""
    if source.scene is not None:
        with open_scene_of(source.scene) as scene:
            yield scene
        return
    if is_local(source.uri):
        files, state = look_at(source.uri)
        if state != source.state and hash_files(files) != source.sha:  # a copy may have another time
            raise SourceError(f"{source.uri} has changed since it was found; run the same again, or plan again")
    read = rules.read
    with open_raster(source.uri, bands=read.bands, sensor=read.sensor, nodata=read.nodata) as raster:
        yield raster
