"""The model of an archive, to read words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geoglot.aliases import PathLike
from geoglot.errors import ModelError
from geoglot.index.store.archive import ModelFacts
from geoglot.models.lazy_model import LazyModel
from geoglot.scene.concept_names import Owner

if TYPE_CHECKING:
    from geoglot.models.base import VisionLanguageModel


def owner_of(model: ModelFacts) -> Owner:
    """The model as concepts name it."""
    return Owner(model.name, model.sha256)


def find_reader(
    model: ModelFacts, place: VisionLanguageModel | PathLike | None = None, device: str | None = None
) -> LazyModel | None:
    """The model of an archive; None for vectors that others made. ModelError if it is another.

    `place` is the model itself or where it lies, if it is not in the zoo.
    """
    if not model.sha256:
        return None
    try:
        reader = LazyModel.of(place or model.name, device)
        own = reader.space
    except ModelError as error:
        if place is not None:
            raise
        raise ModelError(f"the archive was made by {model.name}; give its folder: --model FOLDER ({error})") from error
    if own.sha256 != model.sha256:
        raise ModelError(
            f"the archive was made by {model.name} {model.sha256[:12]}, and this {own.name} is {own.sha256[:12]}; give "
            "that model: --model"
        )
    return reader


def reader_of(
    model: ModelFacts, place: PathLike | None = None, device: str | None = None
) -> VisionLanguageModel | None:
    """As `find_reader`, loaded."""
    reader = find_reader(model, place, device)
    return None if reader is None else reader.loaded
