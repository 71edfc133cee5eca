from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from polygons import StubScene

from geoglot.errors import AnswerError, SourceError
from geoglot.options import FindOptions, ReadOptions
from geoglot.tasks.ask.ask import Asker
from geoglot.tasks.ask.ask_many import PlannedOnce, ask_many
from geoglot.tasks.ask.ask_options import AskOptions
from geoglot.tasks.ask.llm import LanguageModel
from geoglot.tasks.ask.plan import Message, Plan, Trial
from geoglot.tasks.ask.rules import Rules
from geoglot.tasks.ask.sandbox import ProgramError, Sandbox
from geoglot.tasks.ask.scene_overviews import Overviews
from geoglot.tasks.ask.shortlist import SceneScores, names_of_program, names_of_questions, shortlist
from scenes import plant
from stubs import PooledColours
from worlds import write_scene

LOOKS = FindOptions(background="sand, forest", templates=("{}",), overlay=False)
TRUE = {f"{number}.tif": {"ship": number / 10, "school": 1 - number / 10} for number in range(10)}


class Known:
    """A shortlister that knows the scores."""

    def __init__(self, unreadable: str = "") -> None:
        self.unreadable, self.asked = unreadable, list[tuple[str, ...]]()

    def score(self, sources: Sequence[str], names: Sequence[str], progress: object) -> dict[str, SceneScores]:
        self.asked.append(tuple(names))
        scores = {source: SceneScores({name: TRUE[source][name] for name in names}) for source in sources}
        return scores | ({self.unreadable: SceneScores(failed="9.tif is no image")} if self.unreadable else {})


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
    found = names_of_questions([question], Rules().plan)[question]
    assert not isinstance(found, AnswerError)
    assert set(found) == set(names)


def test_a_program_is_read_and_not_run() -> None:
    assert names_of_program("import os\nfind('ship')\nfind(name)\nx.find('quay')\nclassify(['a', 'b'])") == ("ship",)
    assert names_of_program("find('ship'") == names_of_program("") == ()
    with Sandbox() as sandbox:
        sandbox.check("while True:\n    find('ship')\nanswer(1)")
        with pytest.raises(ProgramError):
            sandbox.check("answer(len(find('ship')))")
        for unanswered in ("", "found = find('ship')", "# answer(1)"):
            with pytest.raises(ProgramError, match="never called answer"):
                sandbox.check(unanswered)


def test_the_scenes_that_fit_best_are_asked_and_the_others_are_told() -> None:
    names = {"ships?": ("ship",), "both?": ("ship", "school"), "rural?": ()}
    ships, both, rural = shortlist(list(TRUE), names, Known(), best=3)
    assert [one.source for one in ships.asked] == ["9.tif", "8.tif", "7.tif"]
    assert [one.score for one in ships.left_out] == pytest.approx([number / 10 for number in range(6, -1, -1)])
    assert [one.source for one in both.asked] == ["0.tif", "1.tif", "2.tif"]  # all alike: in their order
    assert (len(rural.asked), rural.left_out, rural.asked[0].score) == (10, (), None)
    document = ships.to_json()
    assert document["names"] == ["ship"] and len(document["asked"]) + len(document["left_out"]) == 10


def test_a_question_without_a_program_is_asked_of_no_scene() -> None:
    questions = {"ships?": ("ship",), "why?": AnswerError("I cannot read this")}
    ships, none = shortlist(list(TRUE), questions, Known(), best=3)
    assert (len(ships.asked), none.asked, len(none.left_out), none.failed) == (3, (), 10, ())
    assert none.to_json()["refused"] == none.refused == "I cannot read this"


def test_a_scene_that_cannot_be_read_is_left_out_and_told() -> None:
    (told,) = shortlist(list(TRUE), {"ships?": ("ship",)}, Known("9.tif"), best=9)
    assert [one.source for one in told.failed] == ["9.tif"]
    assert told.to_json()["left_out"] == [{"source": "9.tif", "score": None, "failed": "9.tif is no image"}]
    assert len(told.asked) == 9


def test_a_question_is_planned_once_for_all_scenes() -> None:
    inner = Counted()
    planner = PlannedOnce(inner)
    question = "How many ships are there?"
    assert names_of_questions([question], planner.draft) == {question: ("ship",)}
    tried: list[str] = []
    for _ in range(3):
        assert planner.plan(question, tried.append).program == Rules().plan(question).program
    assert (inner.asked, len(tried)) == (1, 1)
    (refusal,) = names_of_questions(["Why is the sky blue?"], planner.draft).values()
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
    planner = PlannedOnce(LanguageModel(chat))
    assert names_of_questions(["How many ships?"], planner.draft) == {"How many ships?": ("ship",)}
    for ships in (2, 3):
        with Asker(
            StubScene({"ship": [(0, 20 * n, 9, 20 * n + 9) for n in range(ships)]}), options=AskOptions(planner=planner)
        ) as asker:
            assert asker.ask("How many ships?").value == ships
    assert chat.calls == calls


def test_a_program_that_fails_on_the_first_scene_alone_is_kept_for_the_others() -> None:
    chat = Says("answer(area_m2(find('ship')) / count(find('ship')))")
    planner = PlannedOnce(LanguageModel(chat))
    names_of_questions(["How large is a ship?"], planner.draft)
    answers = []
    for ships in ([], [(0, 0, 10, 10)], []):
        with Asker(StubScene({"ship": ships}), options=AskOptions(planner=planner)) as asker:
            answers.append(asker.ask("How large is a ship?"))
    assert [one.refused for one in answers] == [True, False, True]
    assert chat.calls == 1 + 3


def test_overviews_of_rasters_find_the_scenes_that_hold_the_thing(tmp_path: Path) -> None:
    holds = {2: [("roof", 150, 150, 60)], 5: [("roof", 150, 150, 90)]}
    planted = [plant((300, 300), holds.get(number, [])) for number in range(7)]
    paths = [str(write_scene(tmp_path / f"{number}.tif", one.pixels)) for number, one in enumerate(planted)]
    overviews = Overviews(PooledColours(), ReadOptions(), LOOKS)
    scores = overviews.score(paths, ("roof", "water"), None)
    (told,) = shortlist(paths, {"roofs?": ("roof",)}, overviews, best=2)
    assert [Path(one.source).name for one in told.asked] == ["5.tif", "2.tif"]
    assert all(0 <= one <= 1 for row in scores.values() for one in row.scores.values())


def test_an_overview_is_small_whatever_the_scene(tmp_path: Path) -> None:
    class Counting(PooledColours):
        tiles = 0

        def encode_image(self, pixels):  # type: ignore[no-untyped-def]
            type(self).tiles += len(pixels)
            return super().encode_image(pixels)

    path = write_scene(tmp_path / "large.tif", plant((900, 700), []).pixels)
    Overviews(Counting(), ReadOptions(), LOOKS).score([str(path)], ("roof",), None)
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
    overviews = Overviews(Failing(), ReadOptions(), LOOKS)
    (told,) = shortlist([path], {"roofs?": ("roof",)}, overviews, best=1)
    assert told.missed == told.asked and told.failed == ()
    assert told.to_json()["asked"][0]["missed"] == "1 of 4 tiles of its overview: the model failed: out of memory"
    Failing.failures = 4
    failed = overviews.score([path], ("roof",), None)[path].failed
    assert "no scores for its overview: the model failed: out of memory" in failed


def test_a_scene_without_data_is_a_failure(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "empty.tif", np.zeros((3, 64, 64), np.float32), nodata=0)
    scores = Overviews(PooledColours(), ReadOptions(), LOOKS).score([str(path)], ("roof",), None)
    assert "no pixel of the scene is valid" in scores[str(path)].failed


def write_scenes(folder: Path, holds: dict[int, list[tuple[str, int, int, int]]], count: int) -> list[str]:
    planted = [plant((300, 300), holds.get(number, [])) for number in range(count)]
    return [str(write_scene(folder / f"{number}.tif", one.pixels)) for number, one in enumerate(planted)]


def test_many_scenes_are_asked_what_their_overviews_promise(tmp_path: Path) -> None:
    paths = write_scenes(tmp_path, {2: [("roof", 150, 150, 60)], 3: [("roof", 150, 150, 90)]}, 4)
    questions = ["How many roofs are there?", "Why is the sky blue?"]
    read, options = ReadOptions(tile=64, overlap=16), AskOptions(LOOKS, best=2)
    answers = ask_many(paths, questions, model=PooledColours(), read=read, options=options)
    roofs, sky = answers.shortlists
    assert [one.source for one in roofs.asked] == [paths[3], paths[2]]
    assert (sky.asked, len(sky.left_out)) == ((), 4) and "nearest form" in sky.refused
    assert [(one.source, one.value) for one in answers] == [(paths[3], 1), (paths[2], 1)]
    assert answers.failed == 0
    every = ask_many(paths[:2], questions, model=PooledColours(), read=read, options=options)
    assert every.shortlists == () and [one.refused for one in every] == [False, True] * 2
    some = ask_many(paths[:2], questions, model=PooledColours(), read=read, options=options)
    assert next(some).source == paths[0]
    some.close()
    assert list(some) == []


def test_an_index_can_take_the_place_of_overviews(tmp_path: Path) -> None:
    class Index:
        def score(self, sources: Sequence[str], names: Sequence[str], progress: object) -> dict[str, SceneScores]:
            return {source: SceneScores(dict.fromkeys(names, float(source.endswith("1.tif")))) for source in sources}

    paths = write_scenes(tmp_path, {}, 3)
    answers = ask_many(
        paths, ["Is there a roof?"], model=PooledColours(), read=ReadOptions(tile=64, overlap=16),
        options=AskOptions(LOOKS, best=1), shortlister=Index(),
    )  # fmt: skip
    assert [one.source for one in answers] == [paths[1]]


def test_where_no_scene_can_be_read_the_first_answer_is_an_error(tmp_path: Path) -> None:
    paths = [str(tmp_path / f"{number}.tif") for number in range(2)]
    answers = ask_many(paths, ["Is there a roof?"], model=PooledColours(), options=AskOptions(LOOKS, best=1))
    assert len(answers.shortlists[0].failed) == 2
    with pytest.raises(SourceError, match="no scene can be read"):
        next(answers)
