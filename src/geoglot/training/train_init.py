"""`geoglot train init`: from a folder of images and labels to a recipe that runs as it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geoglot.aliases import PathLike, Progress
from geoglot.datasets.intake.take_in import TakenIn, take_in
from geoglot.errors import InputError, OutputError
from geoglot.models.zoo import choose_device
from geoglot.outputs.atomic import check_folder, write_bytes
from geoglot.training.estimate import Estimate, estimate
from geoglot.training.init_recipe import write_recipe


@dataclass(frozen=True)
class Initiated:
    """A recipe, what it trains on, and how long it will take."""

    recipe: Path
    taken: TakenIn
    estimate: Estimate

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot train init --json`."""
        return {"recipe": str(self.recipe), **self.taken.to_json(), "estimate": self.estimate.to_json()}


def train_init(
    folder: PathLike,
    output: PathLike | None = None,
    classes: Sequence[str] = (),
    device: str | None = None,
    progress: Progress | None = None,
) -> Initiated:
    """Look at a folder of images and labels, make it ready for training, and write a recipe for this machine.

    The recipe goes to `output`, by default FOLDER.toml beside the folder; see `take_in` for FOLDER-geoglot. `classes`
    are names in the order of the classes. SourceError for labels that cannot be used, OutputError for files that exist;
    then nothing is written.
    """
    source = Path(folder).absolute()
    recipe = Path(output) if output is not None else source.with_name(f"{source.name}.toml")
    if recipe.suffix != ".toml":
        raise InputError(f"the name of the recipe must end with .toml, got {recipe.name!r}")
    check_folder(recipe)
    if recipe.exists():
        raise OutputError(f"{recipe} is there already, and may have been edited; give another name: -o")
    place = choose_device(device)
    taken = take_in(source, classes, progress=progress)
    write_bytes(recipe, write_recipe(taken, recipe, place).encode())
    return Initiated(recipe, taken, estimate(recipe, device))
