"""Questions about an archive: which scenes, the best of them, and questions that scenes are asked."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geoglot.index.build.build import add
from geoglot.index.search import query as query_module
from geoglot.index.search.archive_presence import Heights, WordJudge
from geoglot.index.search.index import Index
from geoglot.models.lazy_model import LazyModel
from geoglot.tasks.ask.archive_shortlist import ArchiveShortlist
from geoglot.tasks.ask.ask_archive import ArchiveQuestion, ask_archive, read_question
from stubs import CalibratedColours, PooledColours

MODEL = PooledColours()
COLOURS = {"roof": (204, 51, 26), "forest": (26, 128, 26), "water": (26, 51, 204)}


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(query_module, "find_reader", lambda *_: LazyModel.of(MODEL))
    (tmp_path / "pictures").mkdir()
    for name, colour in COLOURS.items():
        for number in range(3):
            Image.new("RGB", (40 + number, 40), colour).save(tmp_path / "pictures" / f"{name}{number}.png")
    add(tmp_path / "archive", tmp_path / "pictures", model=MODEL)
    return tmp_path / "archive"


@pytest.mark.parametrize(
    ("question", "read"),
    [
        ("Which scenes contain a harbour?", ArchiveQuestion("harbour", None)),
        ("which of the images show swimming pools", ArchiveQuestion("swimming pools", None)),
        ("What pictures have an airport ?", ArchiveQuestion("airport", None)),
        ("On which images are there any ships?", ArchiveQuestion("ships", None)),
        ("Show me the best 12 baseball fields.", ArchiveQuestion("baseball fields", 12)),
        ("the 5 best images of a stadium", ArchiveQuestion("stadium", 5)),
        ("list the top 3 places with solar panels", ArchiveQuestion("solar panels", 3)),
        ("How many harbours are there?", None),
        ("Is there a harbour?", None),
        ("Which is larger, the lake or the forest?", None),
    ],
)
def test_questions_that_an_archive_answers(question: str, read: ArchiveQuestion | None) -> None:
    assert read_question(question) == read


def test_a_shortlist_by_the_archive_begins_with_the_scenes_that_show_it(archive: Path) -> None:
    shortlist = ArchiveShortlist(Index(archive))
    found = shortlist.score([*shortlist.sources, "/elsewhere.tif"], ["water", "roof"], None)
    best = sorted(shortlist.sources, key=lambda source: -found[source].scores["water"])[:3]
    assert [Path(source).stem for source in sorted(best)] == ["water0", "water1", "water2"]
    assert "not in" in found["/elsewhere.tif"].failed


def test_a_scene_shows_what_fills_a_part_of_it(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_roof = Image.new("RGB", (64, 64), COLOURS["forest"])
    with_roof.paste(COLOURS["roof"], (0, 0, 16, 16))
    with_roof.save(tmp_path / "pictures" / "part.png")
    add(archive, tmp_path / "pictures", model=MODEL)
    monkeypatch.setattr(query_module, "find_reader", lambda *_: LazyModel.of(CalibratedColours()))
    shortlist = ArchiveShortlist(Index(archive))
    source = str(tmp_path / "pictures" / "part.png")
    alone, looked = (shortlist.probabilities("roof", looks)[source] for looks in (0, 10))
    assert looked > 2 * alone


def test_which_scenes_and_the_best(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def judge(model: PooledColours, words: tuple[str, ...]) -> WordJudge:
        return WordJudge(model.encode_text([words[0]])[0].numpy(), Heights(np.zeros(3), np.eye(3)), 0.0)

    monkeypatch.setattr(WordJudge, "of", judge)
    monkeypatch.setattr(WordJudge, "probability", lambda self, whole, part, chips: float(max(whole, part or 0) > 0.99))
    which, best, none = ask_archive(
        archive, ["Which scenes contain water?", "Show me the best 2 roofs", "Which scenes show sand?"]
    )
    assert which.value == 3 and all(f"water{number}.png" in which.text for number in range(3))
    assert which.unit == "scenes" and which.kind == "search" and which.planner == "archive"
    assert best.value == 2 and best.text.count("roof") == 2
    assert [feature["properties"]["rank"] for feature in best.evidence["features"]] == [1, 2]
    assert none.value == 0 and none.text == "None of 9 scenes shows sand."
