"""The sources that a recipe names, ready to be asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from geoglot.errors import InputError
from geoglot.pairs.collect.collect_recipe import ImageryRecipe, PairsRecipe
from geoglot.settings import load_settings
from geoglot.sources.imagery.scene import Imagery
from geoglot.sources.imagery.scene_folder import LocalImagery
from geoglot.sources.imagery.stac import Stac, web_of
from geoglot.sources.photos.flickr import Flickr
from geoglot.sources.photos.mapillary import Mapillary
from geoglot.sources.photos.photo import PhotoSource
from geoglot.sources.photos.photo_folder import LocalPhotos
from geoglot.sources.photos.wikimedia import Wikimedia
from geoglot.version import __version__
from geoglot.web.client import WebClient


@contextmanager
def photo_sources(recipe: PairsRecipe) -> Iterator[dict[str, PhotoSource]]:
    """By name; InputError where there is none, or a key or places are missing."""
    made = _made(recipe)
    if not made:
        raise InputError("the recipe names no source of photos; add [photos.flickr], .wikimedia, .mapillary or .local")
    if recipe.places is None and (asked := [one.name for one in made if one.by_place]):
        raise InputError(f"{asked[0]} is asked place by place, and the recipe has no places; add [places]")
    try:
        yield {one.name: one for one in made}
    finally:
        for one in made:
            one.close()


def _made(recipe: PairsRecipe) -> list[PhotoSource]:
    photos, settings = recipe.photos, load_settings()
    agent, made = f"geoglot/{__version__}", list[PhotoSource]()
    secrets = (settings.flickr_key, settings.mapillary_token)

    def web(url: str, hosts: tuple[str, ...], who: str = agent) -> WebClient:
        return WebClient({str(urlsplit(url).hostname), *hosts}, recipe.web, secrets, who)

    if photos.flickr is not None:
        made.append(Flickr(photos.flickr, settings.flickr_key, web(photos.flickr.url, photos.flickr.hosts)))
    if (wiki := photos.wikimedia) is not None:
        made.append(Wikimedia(wiki, web(wiki.url, wiki.hosts, f"{agent} ({wiki.contact})")))
    if (streets := photos.mapillary) is not None:
        made.append(Mapillary(streets, settings.mapillary_token, web(streets.url, streets.hosts)))
    if photos.local is not None:
        made.append(LocalPhotos(photos.local))
    return made


@contextmanager
def imagery_source(recipe: PairsRecipe) -> Iterator[Imagery]:
    """The one; InputError where there is none, or more."""
    imagery = _imagery(recipe.imagery, recipe)
    try:
        yield imagery
    finally:
        imagery.close()


def _imagery(asked: ImageryRecipe, recipe: PairsRecipe) -> Imagery:
    if (asked.stac is None) == (asked.local is None):
        raise InputError("tiles come from one source: add one of [imagery.stac] and [imagery.local]")
    if asked.stac is not None:
        return Stac(asked.stac, web_of(asked.stac, recipe.web))
    assert asked.local is not None
    return LocalImagery(asked.local)
