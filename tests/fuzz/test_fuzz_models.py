"""Model folders of strangers: cards, configurations, tokenizers, weights and checkpoints."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save

from fuzz.changes import contents, documents, headers_of_safetensors
from fuzz.conftest import Copy
from fuzz.oracle import ends_well, examples
from geoglot.models.card import read_card
from geoglot.models.convert import Conversion, convert
from geoglot.models.taught import FAMILY, Base, TaughtSizes
from geoglot.models.zoo import list_models, load_model
from geoglot.options import ClassifyOptions
from geoglot.scene.concept_names import Owner
from geoglot.scene.concepts import load_concept
from geoglot.tasks.classify import classify

WHOLE = ClassifyOptions(windows=False)


@pytest.fixture(scope="module")
def use(scene: Path) -> Callable[[Path], Any]:
    """Loads the model of a folder and labels a scene by it."""

    def label(folder: Path) -> None:
        classify(scene, "roof, water", model=load_model(folder, device="cpu"), options=WHOLE)

    return label


@pytest.mark.parametrize("kind", ["clip", "segclip"])
def test_cards(kind: str, models: dict[str, Path], changed_copy: Copy, use: Callable[[Path], Any]) -> None:
    seed = json.loads((models[kind] / "card.json").read_text())

    @examples(12)
    @given(documents(seed))
    def check(card: str) -> None:
        folder = changed_copy(models[kind], **{"card.json": card})
        ends_well(lambda: use(folder))

    check()


@pytest.mark.parametrize(
    ("model", "file"),
    [("clip", "tokenizer.json"), ("transformers", "config.json"), ("transformers", "tokenizer.json")],
)
def test_documents_beside_weights(
    model: str, file: str, models: dict[str, Path], changed_copy: Copy, use: Callable[[Path], Any]
) -> None:
    seed = json.loads((models[model] / file).read_text())
    if "model" in seed:  # fewer entries, so that changes fall on the rest of the document too
        seed["model"]["vocab"] = dict(list(seed["model"]["vocab"].items())[-12:])

    @examples(12)
    @given(documents(seed))
    def check(document: str) -> None:
        folder = changed_copy(models[model], **{file: document})
        ends_well(lambda: use(folder))

    check()


def test_weights(models: dict[str, Path], changed_copy: Copy, use: Callable[[Path], Any]) -> None:
    seed = (models["transformers"] / "model.safetensors").read_bytes()

    @examples(12)
    @given(st.one_of(headers_of_safetensors(seed), contents(seed)))
    def check(weights: bytes) -> None:
        folder = changed_copy(models["transformers"], **{"model.safetensors": weights})
        ends_well(lambda: use(folder))

    check()


@pytest.fixture(scope="module")
def taught(models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes over the tiny CLIP."""
    folder = tmp_path_factory.mktemp("taught")
    below = read_card(models["clip"])
    ones = {"weight": torch.eye(2, below.dim), "bias": torch.zeros(2), "words": torch.eye(2, below.dim),
            "levels": torch.zeros(2)}  # fmt: skip
    (folder / "weights.safetensors").write_bytes(save(ones))
    sizes = TaughtSizes(("roof", "lagoon"), Base(str(models["clip"]), below.sha256))
    card = replace(below, family=FAMILY, sha256=sha256(save(ones)).hexdigest(), config=asdict(sizes))
    (folder / "card.json").write_text(json.dumps(asdict(card)))
    return folder


def test_cards_of_taught_models(taught: Path, changed_copy: Copy, use: Callable[[Path], Any]) -> None:
    @examples(12)
    @given(documents(json.loads((taught / "card.json").read_text())))
    def check(card: str) -> None:
        folder = changed_copy(taught, **{"card.json": card})
        ends_well(lambda: use(folder))

    use(taught)
    check()


def test_heads_of_taught_models(
    taught: Path, changed_copy: Copy, use: Callable[[Path], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    seed, facts = (taught / "weights.safetensors").read_bytes(), json.loads((taught / "card.json").read_text())
    owner = Owner("base", facts["config"]["base"]["sha256"])

    @examples(12)
    @given(st.one_of(headers_of_safetensors(seed), contents(seed)))
    def check(weights: bytes) -> None:
        card = json.dumps(facts | {"sha256": sha256(weights).hexdigest()})
        folder = changed_copy(taught, **{"weights.safetensors": weights, "card.json": card})
        monkeypatch.chdir(folder.parent)
        ends_well(lambda: use(folder))
        ends_well(lambda: load_concept(f"roof@{folder.name}", owner))

    check()


def test_checkpoints(models: dict[str, Path], changed_copy: Copy, place: Path) -> None:
    seed = (models["transformers"] / "model.safetensors").read_bytes()

    @examples(8)
    @given(headers_of_safetensors(seed))
    def check(weights: bytes) -> None:
        folder = changed_copy(models["transformers"], **{"model.safetensors": weights})
        about = Conversion("x", activation="gelu", tokenizer=folder)
        ends_well(lambda: convert(folder / "model.safetensors", folder / "out", about))

    check()


def test_the_list_survives_every_card(
    models: dict[str, Path], changed_copy: Copy, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = json.loads((models["clip"] / "card.json").read_text())
    monkeypatch.setenv("GEOGLOT_CACHE", str(place))
    (place / "models" / "theirs").mkdir(parents=True, exist_ok=True)

    @examples(8)
    @given(documents(seed))
    def check(card: str) -> None:
        (place / "models" / "theirs" / "card.json").write_bytes(card.encode("utf-8", "surrogatepass"))
        ends_well(list_models)
        assert any(entry.name == "mini" for entry in list_models())

    check()
