"""Open the sources that a recipe names."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from geoglot.errors import InputError
from geoglot.pairs.collect.collect_recipe import PairsRecipe
from geoglot.settings import load_settings
from geoglot.sources.imagery.scene import Imagery
from geoglot.sources.imagery.scene_folder import LocalImagery
from geoglot.sources.imagery.stac import Stac, web_of
from geoglot.sources.photos.flickr import Flickr
from geoglot.sources.photos.local_photos import LocalPhotos
from geoglot.sources.photos.mapillary import Mapillary
from geoglot.sources.photos.photo import PhotoSource
from geoglot.sources.photos.wikimedia import Wikimedia
from geoglot.version import __version__
from geoglot.web.client import WebClient, host_of


@contextmanager
def photo_sources(recipe: PairsRecipe) -> Iterator[dict[str, PhotoSource]]:
    """Sources of photos by name; InputError without any, without a key, or without places to search around."""
    sources = _open_photo_sources(recipe)
    if not sources:
        raise InputError("the recipe names no source of photos; add [photos.flickr], .wikimedia, .mapillary or .local")
    if recipe.places is None and (searched := [source.name for source in sources if source.by_place]):
        raise InputError(f"{searched[0]} is searched around places, and the recipe has none; add [places]")
    with ExitStack() as stack:
        for source in sources:
            stack.enter_context(closing(source))
        yield {source.name: source for source in sources}


def _open_photo_sources(recipe: PairsRecipe) -> list[PhotoSource]:
    photos, settings = recipe.photos, load_settings()
    agent, sources = f"geoglot/{__version__}", list[PhotoSource]()
    secrets = (settings.flickr_key, settings.mapillary_token)

    def connect(name: str, url: str, hosts: tuple[str, ...], user_agent: str = agent) -> WebClient:
        return WebClient({host_of(url, f"photos.{name}.url"), *hosts}, recipe.web, secrets, user_agent)

    if (flickr := photos.flickr) is not None:
        sources.append(Flickr(flickr, settings.flickr_key, connect("flickr", flickr.url, flickr.hosts)))
    if (wikimedia := photos.wikimedia) is not None:
        user_agent = f"{agent} ({wikimedia.contact})"
        sources.append(Wikimedia(wikimedia, connect("wikimedia", wikimedia.url, wikimedia.hosts, user_agent)))
    if (mapillary := photos.mapillary) is not None:
        web = connect("mapillary", mapillary.url, mapillary.hosts)
        sources.append(Mapillary(mapillary, settings.mapillary_token, web))
    if photos.local is not None:
        sources.append(LocalPhotos(photos.local))
    return sources


@contextmanager
def imagery_source(recipe: PairsRecipe) -> Iterator[Imagery]:
    """The source of imagery; InputError unless the recipe names exactly one."""
    stac, local = recipe.imagery.stac, recipe.imagery.local
    imagery: Imagery
    if stac is not None and local is None:
        imagery = Stac(stac, web_of(stac, recipe.web))
    elif local is not None and stac is None:
        imagery = LocalImagery(local)
    else:
        raise InputError("tiles come from one source: add one of [imagery.stac] and [imagery.local]")
    with closing(imagery):
        yield imagery
