from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from polygons import StubScene

from geoglot.errors import AnswerError, SourceError
from geoglot.scene.read import ReadOptions
from geoglot.tasks.ask.ask import Asker
from geoglot.tasks.ask.llm import LanguageModel
from geoglot.tasks.ask.narrow import Look, Overviews, named, narrow, planned_names
from geoglot.tasks.ask.once import Once
from geoglot.tasks.ask.plan import Message, Plan, Trial
from geoglot.tasks.ask.rules import Rules
from geoglot.tasks.ask.sandbox import ProgramError, Sandbox
from geoglot.tasks.find.find_options import FindOptions
from scenes import plant
from stubs import PooledColours
from worlds import write_scene

LOOKS = FindOptions(background="sand, forest", templates=("{}",), overlay=False)
TRUE = {f"{number}.tif": {"ship": number / 10, "school": 1 - number / 10} for number in range(10)}


def stub(names: tuple[str, ...]) -> object:
    return lambda source: Look({name: TRUE[source][name] for name in names})


class Counted:
    """Rules that count how often they are asked, and have their programs tried."""

    name = "llm"

    def __init__(self) -> None:
        self.asked = 0

    def plan(self, question: str, trial: Trial) -> Plan:
        self.asked += 1
        plan = Rules().plan(question)
        trial(plan.program)
        return plan


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("How many ships are there in the upper left quarter?", ("ship",)),
        ("Is there a school within 200 m of a river?", ("school", "river")),
        ("Are there more buildings than roads?", ("building", "road")),
        ("How many houses were built?", ("house",)),
        ("Is it a rural or an urban area?", ()),
        ("What is the theme of this picture?", ()),
    ],
)
def test_the_things_of_a_question(question: str, names: tuple[str, ...]) -> None:
    found = planned_names([question], Rules().plan)[question]
    assert not isinstance(found, AnswerError)
    assert set(found) == set(names)


def test_a_program_is_read_and_not_run() -> None:
    assert named("import os\nfind('ship')\nfind(name)\nx.find('quay')\nclassify(['a', 'b'])") == ("ship",)
    assert named("find('ship'") == named("") == ()
    with Sandbox() as sandbox:
        sandbox.check("while True:\n    find('ship')\nanswer(1)")
        with pytest.raises(ProgramError):
            sandbox.check("answer(len(find('ship')))")
        for unanswered in ("", "found = find('ship')", "# answer(1)"):
            with pytest.raises(ProgramError, match="never called answer"):
                sandbox.check(unanswered)


def test_the_scenes_that_fit_best_are_asked_and_the_others_are_told() -> None:
    names = {"ships?": ("ship",), "both?": ("ship", "school"), "rural?": ()}
    ships, both, rural = narrow(list(TRUE), names, stub, best=3)
    assert [one.source for one in ships.asked] == ["9.tif", "8.tif", "7.tif"]
    assert [one.score for one in ships.left_out] == pytest.approx([number / 10 for number in range(6, -1, -1)])
    assert [one.source for one in both.asked] == ["0.tif", "1.tif", "2.tif"]  # all alike: in their order
    assert (len(rural.asked), rural.left_out, rural.asked[0].score) == (10, (), None)
    document = ships.to_json()
    assert document["names"] == ["ship"] and len(document["asked"]) + len(document["left_out"]) == 10


def test_a_question_without_a_program_is_asked_of_no_scene() -> None:
    ships, none = narrow(list(TRUE), {"ships?": ("ship",), "why?": AnswerError("I cannot read this")}, stub, best=3)
    assert (len(ships.asked), none.asked, len(none.left_out), none.failed) == (3, (), 10, ())
    assert none.to_json()["refused"] == none.refused == "I cannot read this"


def test_a_scene_that_cannot_be_read_is_left_out_and_told() -> None:
    def scorer(names: tuple[str, ...]) -> object:
        def score(source: str) -> Look:
            if source == "9.tif":
                raise SourceError("9.tif is no image")
            return Look({name: TRUE[source][name] for name in names})

        return score

    (told,) = narrow(list(TRUE), {"ships?": ("ship",)}, scorer, best=9)
    assert [one.source for one in told.failed] == ["9.tif"]
    assert told.to_json()["left_out"] == [{"source": "9.tif", "score": None, "failed": "9.tif is no image"}]
    assert len(told.asked) == 9


def test_a_question_is_planned_once_for_all_scenes() -> None:
    inner = Counted()
    planner = Once(inner)
    question = "How many ships are there?"
    assert planned_names([question], planner.draft) == {question: ("ship",)}
    tried: list[str] = []
    for _ in range(3):
        assert planner.plan(question, tried.append).program == Rules().plan(question).program
    assert (inner.asked, len(tried)) == (1, 1)
    (refusal,) = planned_names(["Why is the sky blue?"], planner.draft).values()
    assert isinstance(refusal, AnswerError)
    for _ in range(3):
        with pytest.raises(AnswerError, match="nearest form"):
            planner.plan("Why is the sky blue?", tried.append)
    assert inner.asked == 3


class Says:
    """A chat that says these programs in turn, the last one again and again."""

    name = "stub"

    def __init__(self, *programs: str) -> None:
        self.programs, self.calls = programs, 0

    def reply(self, messages: Sequence[Message]) -> str:
        self.calls += 1
        return f"```python\n{self.programs[min(self.calls, len(self.programs)) - 1]}\n```"


GOOD = "answer(count(find('ship')))"


@pytest.mark.parametrize(
    ("programs", "calls"),
    [
        ((GOOD,), 1),
        (("found = find('ship')", GOOD), 2),
        (("ship = find('ship')\nanswer([1][count(ship)])", GOOD), 2),
    ],
)
def test_a_language_model_is_corrected_on_the_first_of_many_scenes(programs: tuple[str, ...], calls: int) -> None:
    chat = Says(*programs)
    planner = Once(LanguageModel(chat))
    assert planned_names(["How many ships?"], planner.draft) == {"How many ships?": ("ship",)}
    for ships in (2, 3):
        with Asker(StubScene({"ship": [(0, 20 * n, 9, 20 * n + 9) for n in range(ships)]}), planner=planner) as asker:
            assert asker.ask("How many ships?").value == ships
    assert chat.calls == calls


def test_a_program_that_fails_on_the_first_scene_alone_is_kept_for_the_others() -> None:
    chat = Says("answer(area_m2(find('ship')) / count(find('ship')))")
    planner = Once(LanguageModel(chat))
    planned_names(["How large is a ship?"], planner.draft)
    answers = []
    for ships in ([], [(0, 0, 10, 10)], []):
        with Asker(StubScene({"ship": ships}), planner=planner) as asker:
            answers.append(asker.ask("How large is a ship?"))
    assert [one.refused for one in answers] == [True, False, True]
    assert chat.calls == 1 + 3


def test_overviews_of_rasters_find_the_scenes_that_hold_the_thing(tmp_path: Path) -> None:
    holds = {2: [("roof", 150, 150, 60)], 5: [("roof", 150, 150, 90)]}
    planted = [plant((300, 300), holds.get(number, [])) for number in range(7)]
    paths = [str(write_scene(tmp_path / f"{number}.tif", one.pixels)) for number, one in enumerate(planted)]
    scores = {path: Overviews(PooledColours(), ("roof", "water"), ReadOptions(), LOOKS)(path).scores for path in paths}
    (told,) = narrow(
        paths, {"roofs?": ("roof",)}, lambda names: Overviews(PooledColours(), names, ReadOptions(), LOOKS), best=2
    )
    assert [Path(one.source).name for one in told.asked] == ["5.tif", "2.tif"]
    assert all(0 <= one <= 1 for row in scores.values() for one in row.values())


def test_an_overview_is_small_whatever_the_scene(tmp_path: Path) -> None:
    class Counting(PooledColours):
        tiles = 0

        def encode_image(self, pixels):  # type: ignore[no-untyped-def]
            type(self).tiles += len(pixels)
            return super().encode_image(pixels)

    path = write_scene(tmp_path / "large.tif", plant((900, 700), []).pixels)
    Overviews(Counting(), ("roof",), ReadOptions(), LOOKS)(str(path))
    assert Counting.tiles == 4


def test_tiles_for_which_the_model_failed_are_told(tmp_path: Path) -> None:
    class Failing(PooledColours):
        """Fails for all batches but pictures on their own, and for the first `failures` of those."""

        failures = 0

        def encode_image(self, pixels):  # type: ignore[no-untyped-def]
            type(self).failures -= len(pixels) == 1
            if len(pixels) > 1 or type(self).failures >= 0:
                raise RuntimeError("out of memory")
            return super().encode_image(pixels)

    path = str(write_scene(tmp_path / "large.tif", plant((900, 700), []).pixels))
    Failing.failures = 1
    (told,) = narrow(
        [path], {"roofs?": ("roof",)}, lambda names: Overviews(Failing(), names, ReadOptions(), LOOKS), best=1
    )
    assert told.missed == told.asked and told.failed == ()
    assert told.to_json()["asked"][0]["missed"] == "1 of 4 tiles of its overview: the model failed: out of memory"
    Failing.failures = 4
    with pytest.raises(SourceError, match="no scores for its overview: the model failed: out of memory"):
        Overviews(Failing(), ("roof",), ReadOptions(), LOOKS)(path)


def test_a_scene_without_data_is_a_failure(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "empty.tif", np.zeros((3, 64, 64), np.float32), nodata=0)
    with pytest.raises(SourceError, match="no pixel is valid"):
        Overviews(PooledColours(), ("roof",), ReadOptions(), LOOKS)(str(path))
