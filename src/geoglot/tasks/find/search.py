"""Search a scene for instances: things of a name, or things that a person points at."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd

from geoglot.aliases import Progress
from geoglot.scene.area import on_grid
from geoglot.scene.question import Question
from geoglot.scene.score_field import ScoreField
from geoglot.scene.seen import EncodedScene
from geoglot.tasks.find.instances import LARGEST, Instance, find_regions, split_region
from geoglot.tasks.find.outline import Object, outline_of_large
from geoglot.tasks.find.point_prompts import instances_at
from geoglot.tasks.find.threshold import Threshold, choose_threshold


@dataclass(frozen=True)
class Search:
    """The instances in a scene."""

    names: tuple[str, ...]
    instances: list[Instance]
    large: list[Object]
    """Regions that are too large to be split or refined."""
    thresholds: dict[str, Threshold]
    """By name; empty for places."""
    notes: tuple[str, ...]


def search_names(scene: EncodedScene, question: Question, min_score: float | None, progress: Progress | None) -> Search:
    """The instances of every name, by thresholds that are chosen unless `min_score` is given."""
    thresholds, instances, large = dict[str, Threshold](), list[Instance](), list[Object]()
    for index, name in enumerate(question.names):
        field = ScoreField(scene, question, index)
        threshold = thresholds[name] = choose_threshold(field, min_score)
        for region in find_regions(field, threshold, progress):
            if region.box.height * region.box.width > LARGEST:
                large.append(outline_of_large(region, field, threshold.extent))
            else:
                instances += split_region(region, field, threshold.extent)
    everywhere = (
        f"{name!r} matches {threshold.share:.0%} of the scene, so tells nothing apart here: narrow it, or raise "
        "--min-score"
        for name, threshold in thresholds.items()
        if threshold.is_everywhere
    )
    too_large = f"{len(large)} objects are too large to be split or refined: they keep the outline of their scores"
    notes = (*everywhere, *question.notes, *((too_large,) if large else ()))
    return Search(question.names, instances, large, thresholds, notes)


def search_places(scene: EncodedScene, places: gpd.GeoDataFrame) -> Search:
    """The instances at points and boxes."""
    instances = instances_at(scene, on_grid(places, scene.raster.grid))
    names = tuple(dict.fromkeys(instance.name for instance in instances))
    left = len(places) - len(instances)
    note = f"{left} of {len(places)} points and boxes lie outside the scene or where it has no data"
    return Search(names, instances, [], {}, (note,) if left else ())
