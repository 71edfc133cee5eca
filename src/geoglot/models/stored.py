"""Finds the folders of stored models by name or path, and reads their cards; none is loaded."""

import os
from difflib import get_close_matches
from importlib import resources
from pathlib import Path

from geoglot.aliases import PathLike
from geoglot.errors import ModelError
from geoglot.models.card import CARD, CONFIG, WEIGHTS, Card, read_card
from geoglot.models.known import KNOWN
from geoglot.settings import load_settings

BUNDLED = "mini"


def card_of(folder: Path) -> Card:
    """The card of a stored model, or one written for a CLIP folder of transformers."""
    if is_huggingface(folder):
        from geoglot.models.huggingface import huggingface_card  # imports torch

        return huggingface_card(folder)
    return read_card(folder)


def is_huggingface(folder: Path) -> bool:
    """Whether a folder is a model of transformers, without a card."""
    return (folder / CONFIG).is_file() and not (folder / CARD).is_file()


def find_model(name_or_path: PathLike) -> Path:
    """The folder of a model. A name wins over a folder of the same name in the working directory."""
    name = os.path.expanduser(name_or_path)  # noqa: PTH111  Path.expanduser raises for an unknown user
    if name == BUNDLED:
        return bundled_folder()
    # Path.is_dir raises for a name that no folder can have, and os.path.isdir says that there is none.
    if (cached := cache_folder(name)) is not None and os.path.isdir(cached):  # noqa: PTH112
        return cached
    if name and os.path.isdir(name):  # noqa: PTH112
        return Path(name)
    if name in KNOWN:
        raise ModelError(f"{name} is not on this machine yet; get it with: geoglot models pull {name}")
    if os.path.isfile(name):  # noqa: PTH113
        raise ModelError(f"{name} is a file, and a model is a folder with card.json; training writes it as RUN/model")
    near = get_close_matches(name, [BUNDLED, *KNOWN], 1)
    meant = f"did you mean {near[0]}? See" if near else "see"
    raise ModelError(f"no model is called {name!r} and no folder either; {meant}: geoglot models list")


def is_model_name(name: str) -> bool:
    """Whether a name means a model wherever it is said, so that a folder of that name would not be found by it."""
    cached = cache_folder(name)
    return name in (BUNDLED, *KNOWN) or (cached is not None and cached.is_dir())


def resolve_model(name: str, folder: Path) -> str:
    """What a recipe in `folder` names: the path of a folder beside it, unless the name is that of a model."""
    return str(folder / name) if not is_model_name(name) and (folder / name).is_dir() else name


def lasting_place(name_or_path: PathLike) -> str:
    """What finds the same model from any working directory: its name, or else the whole path of its folder."""
    folder, name = find_model(name_or_path), os.path.expanduser(name_or_path)  # noqa: PTH111
    return str(folder.absolute()) if folder == Path(name) else str(name)


def cache_folder(name: str) -> Path | None:
    """The folder in the cache for a model of this name, whether it exists or not; None if the name is a path."""
    plain = bool(name) and Path(name).name == name and not name.startswith(".")
    return load_settings().cache / "models" / name if plain else None


def bundled_folder() -> Path:
    """The folder of mini; ModelError for an installation without it."""
    folder = Path(str(resources.files("geoglot"))) / "models" / "mini" / "weights"
    if not (folder / WEIGHTS).is_file():
        raise ModelError("the bundled model is missing from this installation; install geoglot again")
    return folder
