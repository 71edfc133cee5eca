from __future__ import annotations

import pytest

from geoglot.datasets.catalogue import DATASETS
from geoglot.datasets.dataset import Label
from geoglot.errors import InputError
from geoglot.evaluation.protocols import PROTOCOLS, RS_ENSEMBLE, protocol_of


def test_the_published_sentences_are_all_there() -> None:
    assert len(set(RS_ENSEMBLE)) == 106
    assert {
        "a remote sensing image of many {}.", "an aerial image of the hard to see {}.",
        "a close-up satellite image of a {}.", "an aerial image of a weird {}.",
        "a good remote sensing image of the {}.",
    } <= set(RS_ENSEMBLE)  # fmt: skip
    c = PROTOCOLS["c"].templates
    assert len(set(c)) == 50
    assert {
        "a satellite image showing {}.", "The image shows {}", "the satellite image of a {}.",
        "a bright satellite image of a {}.", "a blurry aerial image of the {}.", "an aerial image of a cool {}.",
    } <= set(c)  # fmt: skip


def test_every_template_has_a_place_and_every_name_is_known() -> None:
    for protocol in PROTOCOLS.values():
        assert all(template.count("{}") == 1 for template in (*protocol.templates, *protocol.ensemble))
        assert {*protocol.naming_of, *protocol.splits} <= set(DATASETS)
        for name, split in protocol.splits.items():
            assert split in DATASETS[name].splits


@pytest.mark.parametrize(
    ("protocol", "called"),
    [("default", "sea or lake"), ("a", "sea or lake"), ("graft", "SeaLake"), ("c", "sealake")],
)
def test_names_are_those_of_the_protocol(protocol: str, called: str) -> None:
    assert protocol_of(protocol).call(Label("SeaLake", "sea or lake"), "eurosat") == called


def test_bigearthnet_is_named_as_each_publishes_it() -> None:
    label = Label("Marine waters", "marine waters")
    assert protocol_of("graft").call(label, "bigearthnet-19") == "marine waters"
    assert protocol_of("C").call(label, "bigearthnet-19") == "Marine waters"


def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="no protocol is called 'z'; there are default, a, b, c, graft"):
        protocol_of("z")
    with pytest.raises(InputError, match="no ensemble"):
        protocol_of("b").prompts(True)
