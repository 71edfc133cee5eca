from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from make_questions import command, make_questions, truth_of
from polygons import StubScene

from geoglot.datasets.dataset import Asked, Question
from geoglot.errors import InputError, ServiceError
from geoglot.evaluation.evaluate import evaluate
from geoglot.evaluation.vqa import answer_all, bucket, matches, score_questions
from geoglot.tasks.ask.ask import Asker
from geoglot.tasks.ask.chat import Endpoint, OpenAIChat
from geoglot.tasks.ask.llm import LanguageModel
from geoglot.tasks.ask.plan import Plan, Trial
from geoglot.tasks.ask.rules import Rules
from scenes import plant
from stubs import PooledColours
from worlds import class_field, paint, write_scene


@pytest.mark.parametrize(
    ("value", "truth", "right", "exact"),
    [
        (True, "yes", True, True), (False, "yes", False, False), (3, "3", True, True), (4, "3", True, False),
        (0, "1", False, False), (11, "10", False, False), (100, "12", True, False), (120.0, "123m2", True, False),
        (123.2, "123m2", True, True), (None, "no", False, False), ("rural", "Rural", True, True),
        ("residential area", "residential", True, True), ("harbor", "harbour", True, True),
        ("forest", "sea", False, False), (3, "1.2.3", False, False), (3, ".", False, False),
        (3, "yes", False, False), (True, "1", False, False),
    ],
)  # fmt: skip
def test_answers_are_compared_as_rsvqa_does(value: object, truth: str, right: bool, exact: bool) -> None:
    assert matches(value, truth) == (right, exact)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "unit", "truth", "right", "exact"),
    [
        (20_000.0, "m²", "2 ha", True, True), (2.0, "m²", "2 ha", False, False), (2.0, "ha", "2 ha", True, True),
        (2.0, "ha", "20000m2", True, True), (2.0, "ha", "2", True, True), (2e6, "m²", "2 km2", True, True),
        (0.5, "km", "500 m", True, True), (1.5, "km", "1.5 km", True, True), (0.004, "ha", "40 m²", True, True),
        (0.004, "ha", "400 m²", False, False), (35.0, "%", "35%", True, True), (0.002, "ha", "0.6 ha", False, False),
        (3, "", "3", True, True), (3, None, "3", True, True),
    ],
)  # fmt: skip
def test_numbers_are_compared_in_one_unit(value: float, unit: str, truth: str, right: bool, exact: bool) -> None:
    assert matches(value, truth, unit) == (right, exact)


def test_the_ranges_of_rsvqa() -> None:
    assert [bucket(number) for number in (0, 1, 10, 11, 100, 101, 1000, 1001)] == [0, 1, 1, 2, 2, 3, 3, 4]


def test_accuracy_by_kind_with_refusals_and_the_majority_beside_it() -> None:
    scenes = [StubScene({"ship": [(1, 1, 9, 9)] * count}) for count in (0, 1, 3)]
    questions = []
    for image, count in enumerate((0, 1, 3)):
        questions += [
            Question(image, "Is there a ship?", "yes" if count else "no", "presence"),
            Question(image, "How many ships are there?", str(count), "count"),
            Question(image, "Why is the sky blue?", "no", "odd"),
        ]
    asked = Asked([Path("a"), Path("b"), Path("c")], questions)
    scored = answer_all(asked, lambda image, themes: Asker(scenes[image]))
    figures = score_questions(scored, len(asked))
    assert figures["accuracy/presence"].value == figures["accuracy/count"].value == 1
    assert figures["accuracy/odd"].value == 0
    assert figures["refused/odd"].value == 1
    assert figures["refused"].value == pytest.approx(1 / 3)
    assert figures["accuracy"].value == pytest.approx(2 / 3)
    assert figures["majority/presence"].value == pytest.approx(2 / 3)
    assert figures["accuracy/mean of kinds"].value == pytest.approx(2 / 3)
    low, high = figures["accuracy"].low, figures["accuracy"].high
    assert low is not None and high is not None and low <= 2 / 3 <= high


def test_questions_made_from_labels_are_scored(tmp_path: Path) -> None:
    import geopandas as gpd
    import shapely

    things = [("roof", 40, 40, 12), ("water", 150, 60, 28), ("roof", 190, 190, 16)]
    scene = write_scene(tmp_path / "scene.tif", plant((260, 300), things).pixels)
    truth = [shapely.Point(593_270 + col / 2, 5_747_657 - row / 2).buffer(radius / 2) for _, row, col, radius in things]
    gpd.GeoDataFrame({"class": [name for name, *_ in things]}, geometry=truth, crs=32631).to_file(tmp_path / "l.gpkg")
    table = tmp_path / "test.csv"
    made = CliRunner().invoke(
        command,
        [str(scene), "--labels", str(tmp_path / "l.gpkg"), "-o", str(table), "--number", "30"],
    )
    assert made.exit_code == 0, made.output
    assert len(table.read_text().splitlines()) == 31
    card = evaluate("vqa", "questions", tmp_path, model=PooledColours())
    assert card.samples == 1
    assert card.metrics["accuracy"].value is not None
    assert {"refused", "majority", "accuracy/count"} <= set(card.metrics)


def test_questions_from_a_label_raster_have_the_answers_of_its_pixels(tmp_path: Path) -> None:
    field = class_field((120, 160), 3)
    scene = write_scene(tmp_path / "scene.tif", paint(field, ("water", "forest", "roof")))
    labels = write_scene(tmp_path / "labels.tif", (field + 1).astype("uint8")[None])
    truth = truth_of(scene, labels, ("water", "forest", "roof"))
    for index, name in enumerate(("water", "forest", "roof")):
        assert sum(shape.area for shape in truth.of(name)) == (field == index).sum()
    made = make_questions(truth, 60, seed=3)
    assert made == make_questions(truth, 60, seed=3)
    assert made != make_questions(truth, 60, seed=4)
    assert len({one.text for one in made}) == len(made) == 60
    shares = [one for one in made if one.kind == "share"]
    assert shares
    for one in shares:
        assert 0 <= float(one.answer.rstrip("%")) <= 100
    with pytest.raises(InputError, match="--names"):
        truth_of(scene, labels)
    with pytest.raises(InputError, match="ids above 2"):
        truth_of(scene, labels, ("water", "forest"))


def test_500_questions_with_known_answers_are_missed_by_none(capsys: pytest.CaptureFixture[str]) -> None:
    from generated import main

    assert main(["--scenes", "2", "--questions", "40"]) == 0
    assert "80 of 80 right" in capsys.readouterr().out


class Counting(Rules):
    """A planner of another name that reads as the rules do."""

    name = "another"
    asked = 0

    def plan(self, question: str, trial: Trial | None = None) -> Plan:
        self.asked += 1
        return super().plan(question, trial)


def test_a_planner_and_a_refiner_answer_and_are_named(tmp_path: Path) -> None:
    write_scene(tmp_path / "scene.tif", plant((200, 200), [("roof", 60, 60, 16)]).pixels)
    (tmp_path / "test.csv").write_text("image,question,answer\nscene.tif,How many roofs are there?,1\n")
    planner = Counting()
    card = evaluate("vqa", "questions", tmp_path, model=PooledColours(), planner=planner, refiner="edges")
    assert planner.asked == 1 and (card.protocol["planner"], card.protocol["refine"]) == ("another", "edges")
    rules = evaluate("vqa", "questions", tmp_path, model=PooledColours())
    assert (rules.protocol["planner"], rules.protocol["refine"]) == ("rules", "none")
    with pytest.raises(InputError, match="a planner reads questions"):
        evaluate("segmentation", "loveda", tmp_path, model=PooledColours(), planner=planner)


def test_a_language_model_that_gives_no_reply_ends_the_run(tmp_path: Path) -> None:
    write_scene(tmp_path / "scene.tif", plant((200, 200), [("roof", 60, 60, 16)]).pixels)
    (tmp_path / "test.csv").write_text("image,question,answer\nscene.tif,How many roofs are there?,1\n")
    planner = LanguageModel(OpenAIChat(Endpoint("http://127.0.0.1:9/v1", "none", seconds=2.0, tries=1)))
    with pytest.raises(ServiceError, match=r"no reply from the language model .* the question was 'How many roofs"):
        evaluate("vqa", "questions", tmp_path, model=PooledColours(), planner=planner)
