"""Load SAM from a folder or from the hub."""

from pathlib import Path
from typing import Any

from geoglot.errors import ModelError
from geoglot.models.foreign_folders import check_folder, foreign, require_bytes
from geoglot.models.huggingface import read_statistics
from geoglot.models.zoo import choose_device
from geoglot.tasks.refine.sam import Normalisation, Prompting, Sam

#: The class of transformers that takes points and boxes, by the model_type of a configuration
_CLASSES = {
    "sam": "SamModel",
    "sam2": "Sam2Model",
    "sam2_video": "Sam2Model",
    "sam3": "Sam3TrackerModel",
    "sam3_tracker": "Sam3TrackerModel",
    "sam3_video": "Sam3TrackerModel",
}
_IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALF = Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def load_sam(name: str, *, prompting: Prompting | None = None, device: str | None = None) -> Sam:
    """Load SAM, SAM 2 or SAM 3 from a folder or from the hub; safetensors only, and no code of the folder."""
    import transformers

    folder = Path(name) if Path(name).is_dir() else _fetch(name)
    held = check_folder(folder)
    place: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    with foreign(f"SAM cannot be loaded from {name!r}"):
        config = transformers.AutoConfig.from_pretrained(folder, **place)
        kind = config.model_type
        if kind not in _CLASSES:
            raise ModelError(f"{name} must be one of {', '.join(sorted(_CLASSES))}, got a {kind} model")
        if not hasattr(transformers, _CLASSES[kind]):
            raise ModelError(f"{name} needs a newer transformers; get it with: pip install -U transformers")
        network = getattr(transformers, _CLASSES[kind])
    require_bytes(lambda: network(config), held, f"SAM cannot be loaded from {name!r}")
    with foreign(f"SAM cannot be loaded from {name!r}"):
        model = network.from_pretrained(folder, use_safetensors=True, **place)
        model = model.to(choose_device(device)).eval().requires_grad_(False)
        return Sam(model, _normalisation(folder, kind), prompting)


def _fetch(name: str) -> Path:
    """Download the configuration and the weights of a SAM on the hub."""
    from huggingface_hub import snapshot_download

    with foreign(f"SAM cannot be loaded from {name!r}"):
        return Path(snapshot_download(name, allow_patterns=["*.json", "model*.safetensors"]))


def _normalisation(folder: Path, kind: str) -> Normalisation:
    """The normalisation in the folder's preprocessor config, or else the usual one of the family."""
    usual = _HALF if kind.startswith("sam3") else _IMAGENET
    pixels = read_statistics(folder, (usual.mean, usual.std))
    return Normalisation(pixels.image_mean, pixels.image_std)
