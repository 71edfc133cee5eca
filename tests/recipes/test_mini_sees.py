from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pytest
import see
import shapely
import sight
import torch
from click.testing import CliRunner
from concepts import GROWING, RIGHT, WRONG, read_concepts
from crops import SIDE, Crop, change_sharpness, crop_picture, forget_green, mix_styles
from keep_losses import _may_be, green_loss
from labelled_picture import GREEN, SETS, SMOOTH, UNKNOWN, Picture, growth, mark_green
from patch_losses import (
    PLAIN,
    Asked,
    _exclude,
    _map_loss,
    _map_shares,
    _overlap_loss,
    _read_labels,
    _softmax_loss,
)
from PIL import Image
from see import claim, grown_cells, without_colour
from seer import CELL, Seer, store_seer
from sight import count_pairs, loveda_figures
from steps import Schedule, Steps
from word_lessons import CaptionWords, Lessons, Scene, _count_words, _read_caption_words

import geoglot.models.mini as package
from geoglot.models.mini.mini import Mini
from geoglot.models.zoo import load_word_model

START = Path(package.__file__).parent / "weights"


def picture(source: str, truth: np.ndarray, objects: np.ndarray | None = None) -> Picture:
    pixels = np.repeat(truth[..., None], 3, 2)
    none = np.zeros(truth.shape, np.int16)
    return Picture(source, "one", pixels, truth, none if objects is None else objects, aside=False)


def test_a_label_makes_its_parents_right_and_leaves_its_neighbours_open() -> None:
    concepts = read_concepts()
    assert concepts.relation("pool", "water") == RIGHT and concepts.relation("water", "pool") == 0
    assert concepts.relation("car", "road") == 0 and concepts.relation("car", "trees") == WRONG
    table = concepts.table("flood_area")
    water, trees = concepts.names.index("water"), concepts.names.index("trees")
    assert table[1, water] == RIGHT and table[0, water] == WRONG
    assert table[1, trees] == WRONG and table[0, trees] == 0 and not table[UNKNOWN].any()


def test_a_concept_left_out_takes_its_kinds_with_it_and_no_label_speaks_of_it() -> None:
    concepts = read_concepts(frozenset({"water"}))
    assert {"water", "pool"} <= concepts.left_out and not {"water", "pool"} & {*concepts.spoken}
    columns = [concepts.names.index(name) for name in ("water", "pool")]
    for source in SETS:
        assert not concepts.table(source)[:, columns].any(), source
    assert not concepts.table("flood_area").any()
    assert read_concepts(frozenset({"trees"})).growing == {SMOOTH: GROWING[SMOOTH]}
    assert not read_concepts(frozenset({"vegetation"})).growing


def test_labels_turn_and_scale_with_their_picture() -> None:
    truth = np.zeros((300, 400), np.uint8)
    truth[:, 130:] = 1
    rng = torch.Generator().manual_seed(0)
    for _ in range(20):
        crop = crop_picture(picture("flood_area", truth), rng)
        assert crop.pixels.shape == (3, SIDE, SIDE) and crop.inside.shape == (SIDE // CELL, SIDE // CELL)
        cells = torch.nn.functional.avg_pool2d(crop.pixels[:1] * 255, CELL)[0]  # brightness is the number
        sure = crop.inside > 0.99
        torch.testing.assert_close(cells[sure], crop.shares[crop.numbers.index(1)][sure], atol=0.2, rtol=0)
        torch.testing.assert_close(crop.shares.sum(0)[sure], torch.ones(int(sure.sum())), atol=1e-4, rtol=0)


def test_half_of_the_crops_have_the_pixels_of_the_picture_itself() -> None:
    checks = (np.indices((300, 400)).sum(0) % 2).astype(np.uint8)  # grey once it is resampled
    rng = torch.Generator().manual_seed(0)
    crops = [crop_picture(picture("flood_area", checks), rng).pixels * 255 for _ in range(40)]
    sharp = sum(bool(((crop == 0) | (crop == 1)).all()) for crop in crops)
    assert 10 < sharp < 30
    small = crop_picture(picture("pool_chips", checks[:50, :50]), rng).pixels * 255
    assert not ((small == 0) | (small == 1)).all()


def test_sharpness_changes_edges_but_not_plain_ground() -> None:
    pixels = torch.full((8, 3, 16, 16), 0.4)
    pixels[..., 8:] = 0.6
    changed = change_sharpness(pixels, torch.Generator().manual_seed(0))
    torch.testing.assert_close(changed[..., :7], pixels[..., :7])
    steps = changed[:, 0, 8, 8] - changed[:, 0, 8, 7]
    assert steps.min() < 0.15 < 0.25 < steps.max() and len(set(steps.tolist())) == 8


def test_a_style_is_the_mean_and_spread_of_colours_and_leaves_what_is_where() -> None:
    pixels = torch.rand(8, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 0.2
    pixels += torch.linspace(0.2, 0.6, 8).view(-1, 1, 1, 1)
    changed = mix_styles(pixels, torch.Generator().manual_seed(0))
    moved = (changed - pixels).abs().amax((1, 2, 3)) > 1e-3
    assert 2 <= int(moved.sum()) <= 6
    for before, after in zip(pixels.flatten(2), changed.flatten(2), strict=True):
        for channel in range(3):
            assert torch.corrcoef(torch.stack([before[channel], after[channel]]))[0, 1] > 0.999


def test_the_middle_of_an_object_lies_in_it_and_its_border_around() -> None:
    truth, ids = np.zeros((224, 224), np.uint8), np.zeros((224, 224), np.int16)
    truth[60:140, 80:160], ids[60:140, 80:160] = 1, 7
    rng = torch.Generator().manual_seed(1)
    crop = crop_picture(picture("hrplanes", truth, ids), rng)
    middle, border, known = crop.extent
    plane = crop.shares[crop.numbers.index(1)]
    assert middle.sum() > 0 and border.sum() > 0 and (plane[middle > 0.5] > 0.9).all()
    assert (known[crop.inside > 0.99] > 0.99).all()


def lessons(spoken: tuple[str, ...] = ()) -> Lessons:
    concepts = read_concepts(frozenset(spoken))
    tables = {name: concepts.table(name) for name in SETS}
    empty = CaptionWords([], [], [])
    return Lessons({}, concepts, tables, {}, [], [], torch.zeros(0, 0), [], empty, None)  # type: ignore[arg-type]


def asked(given: Lessons, owners: list[str]) -> Asked:
    from patch_losses import _ABSURD

    words = len(owners) + _ABSURD + 1
    near = torch.full((1, len(given.concepts.names)), 0.9)  # the one other word is near everything
    return Asked(torch.eye(words), owners, near)


def crop_of(source: str, number: int) -> Crop:
    from crops import set_numbers

    numbers = set_numbers(source)
    shares = torch.zeros(len(numbers), 2, 2)
    shares[numbers.index(number)] = 1
    return Crop(torch.zeros(3, 16, 16), shares, numbers, source, torch.zeros(3, 2, 2), torch.ones(2, 2), False)


def test_classes_of_one_set_exclude_each_other_even_where_labels_leave_words_open() -> None:
    given = lessons()
    words = asked(given, ["trees", "vegetation", "grass", "road"])
    crop = crop_of("semantic_drone", 19)  # a tree, which may be called vegetation as well
    said = _read_labels(crop, words, given)
    row = crop.numbers.index(19)
    assert said.right[row, 0] == 1 and said.wrong[row, 1] == 0 and said.wrong[row, 3] == 1
    assert said.wrong[row, -1] == 0 and said.worse[row, -1] == 0 and said.wrong[row, 4] == 1  # near; absurd
    best = _exclude(said, crop, words, given, np.random.default_rng(0))
    assert best.right[row, 0] == 1 and best.worse[row, 1] == 1


def test_the_softmax_loss_falls_with_the_right_word_and_anything_but_costs_nothing_to_others() -> None:
    given = lessons()
    words = asked(given, ["water", "trees", "road"])
    count = len(words.text)
    for number, good, bad in ((1, 0, 1), (0, 1, 0)):
        crop = crop_of("flood_area", number)
        said = _read_labels(crop, words, given)
        z = torch.zeros(count, 4)
        losses = [float(_softmax_loss(z.index_fill(0, torch.tensor([w]), 5.0), crop, said, words,
                                      np.random.default_rng(0))) for w in (good, bad)]  # fmt: skip
        assert losses[0] < losses[1]


def test_overlap_is_none_for_a_perfect_map_and_great_for_a_few_missed_cells() -> None:
    on = torch.zeros(1, 100)
    on[0, :3] = 1
    perfect = float(_overlap_loss(20 * (2 * on - 1), on, 1 - on)[0])
    missed = float(_overlap_loss(torch.full((1, 100), -20.0), on, 1 - on)[0])
    assert perfect < 1e-3 and missed > 0.7 and _overlap_loss(on, torch.zeros(1, 100), on) == []


def test_captions_say_words_that_two_people_use_and_deny_only_what_is_far_from_them() -> None:
    captions = ["Many planes are near a large airport .", "planes on the apron", "a plane", "x", "y"]
    assert _count_words(captions, {"planes", "airport", "large airport"}) == {
        "planes": 2,
        "airport": 1,
        "large airport": 1,
    }
    scenes = [Scene(Path("a_1.jpg"), captions[:2])] * 15 + [Scene(Path("b_1.jpg"), ["a pond", "one pond"])] * 15
    own = {"planes": torch.tensor([1.0, 0, 0]), "pond": torch.tensor([0, 1.0, 0]), "trees": torch.tensor([0, 0, 1.0])}
    words = _read_caption_words(scenes, list(own), own, ["trees"])
    assert words.words == ["planes", "pond"]
    assert words.said[0] == [0] and words.denied[0] == [1] and words.denied[-1] == [0]


@pytest.fixture(scope="module")
def seer() -> Seer:
    mini = load_word_model("mini", device="cpu")
    assert isinstance(mini, Mini)
    torch.manual_seed(0)
    return Seer(mini)


def test_a_seer_trains_its_trunk_but_for_the_first_blocks(seer: Seer) -> None:
    raw, fine, extent = seer.train()(seer.begin(torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))))
    (raw.mean() + fine.square().sum(1).sqrt()[:, 0, 0].sum() + fine[:, 3].mean() + extent.mean()).backward()
    trained = {name for name, p in seer.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    assert "image.trunk.coarse.0.project.1.weight" in trained and "image.fine.weight" in trained
    assert not any(
        name.startswith(("image.trunk.stem", "image.trunk.fine.0.", "image.trunk.fine.2.")) for name in trained
    )
    assert any(name.startswith("image.trunk.fine.3.") for name in trained)


def test_a_stored_seer_is_a_model_that_sees_what_the_seer_sees(seer: Seer, tmp_path: Path) -> None:
    seer.eval()
    store_seer(seer.state_dict(), START, tmp_path / "out")
    model = load_word_model(tmp_path / "out", device="cpu")
    pixels = torch.rand(1, 3, 96, 64, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        _, fine, _ = seer(seer.begin(pixels))
        torch.testing.assert_close(model.encode_patches(pixels), fine, atol=5e-3, rtol=0)
    assert model.card.resolution == (0.05, 10.0)
    assert model.card.patch_size == CELL and model.presence is not None and model.sense is not None
    again = Seer(replace_model(model))
    assert torch.equal(again.fine.change.weight, model.fine.change.weight)  # type: ignore[union-attr, arg-type]


def replace_model(model: object) -> Mini:
    assert isinstance(model, Mini)
    return model


def test_an_object_is_found_once() -> None:
    squares = [shapely.box(0, 0, 10, 10), shapely.box(20, 0, 30, 10)]
    centres = [shapely.Point(*xy) for xy in ((5, 5), (6, 6), (40, 5))]
    assert count_pairs(squares, centres) == 1 and count_pairs(squares, []) == 0
    assert count_pairs([*squares, shapely.box(4, 4, 12, 12)], centres) == 2
    assert count_pairs([shapely.box(0, 0, 2, 2), shapely.box(1, 1, 3, 3)], [shapely.Point(1.5, 1.5)]) == 1


def test_a_training_that_stops_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    def train(stops: tuple[int, ...], path: Path) -> dict[str, torch.Tensor]:
        for stop in stops:
            torch.manual_seed(0)
            network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 1))
            steps = Steps(network, network[0].parameters(), Schedule(6, 0.1, 0.01, 0.01, 0.5), path)
            while steps.done < stop:
                x = torch.rand(8, 3, generator=torch.Generator().manual_seed(steps.done))
                steps.descend((network(x) - x.sum(1, keepdim=True)).square().mean())
                steps.count()
            steps.save()
        return steps.averaged()

    whole, parts = train((6,), tmp_path / "whole.pt"), train((2, 5, 6), tmp_path / "parts.pt")
    assert whole.keys() == parts.keys() and all(torch.equal(whole[name], parts[name]) for name in whole)


def test_another_model_than_the_start_may_teach(tmp_path: Path, seer: Seer, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = {name: value + 1 if name == "image.mix.2.bias" else value for name, value in seer.state_dict().items()}
    assert not torch.equal(moved["image.mix.2.bias"], seer.state_dict()["image.mix.2.bias"])
    store_seer(moved, START, tmp_path / "first")
    monkeypatch.setattr(see, "read_lessons", lambda *given: replace(lessons(), pictures={"loveda": []}))
    for teacher, same in ((None, True), (str(tmp_path / "first"), False)):
        config = see.Config(teacher=teacher)
        training = see.start_training(tmp_path, START, config, tmp_path / "see.pt")
        mine, its = (model.image.state_dict()["mix.2.bias"] for model in (training.seer, training.teacher))
        assert torch.equal(mine, its) == same


def test_a_folder_with_another_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "see.json").write_text("{}")
    given = [str(tmp_path), str(START), str(tmp_path), str(tmp_path / "out"), "--without", "water"]
    result = CliRunner().invoke(see.command, given)
    assert result.exit_code == 1 and "holds another run" in result.output and not (tmp_path / "out").exists()


def test_loveda_is_scored_on_tiles_that_the_model_did_not_learn_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        for kind in ("images", "masks"):
            (tmp_path / kind).mkdir(exist_ok=True)
            grey = np.full((8, 8), number + 1, np.uint8)
            picture = Image.fromarray(grey if kind == "masks" else np.stack([grey] * 3, 2))
            picture.save(tmp_path / kind / f"{number}.png")
    monkeypatch.setattr(sight, "encoded", lambda pixels, _: nullcontext(pixels))

    class Right:  # in the first tile, and wrong in the second
        dense = None

        def map(self, scene: np.ndarray, words: object) -> np.ndarray:
            return np.full(scene.shape[:2], 1 if scene.max() == 1 else 3)

    def figures(*learned: str) -> dict[str, float]:
        return {key: figure.value for key, figure in loveda_figures(Right(), tmp_path, frozenset(learned)).items()}  # type: ignore[arg-type]

    assert figures()["LoveDA, mIoU"] == 50 and figures("1") == {"LoveDA, mIoU": 100, "  LoveDA: 0": 100}
    assert figures("0", "1") == {}
    with pytest.raises(click.BadParameter, match="no tile 7"):
        figures("7")


def test_a_run_goes_on_in_its_own_folder_alone(tmp_path: Path) -> None:
    decided = {"steps": 6, "without": ("water",), "start": "a" * 64}
    claim(tmp_path / "new", decided)
    claim(tmp_path / "new", dict(reversed(decided.items())))  # the order of settings says nothing
    for other in (decided | {"without": ()}, decided | {"start": "b" * 64}):
        with pytest.raises(click.ClickException, match="another run"):
            claim(tmp_path / "new", other)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "see.pt").touch()
    with pytest.raises(click.ClickException, match="another run"):
        claim(tmp_path / "old", decided)


def test_anything_but_a_class_that_is_left_out_teaches_nothing() -> None:
    given = lessons(("water",))
    words = asked(given, ["trees", "road"])
    crop = crop_of("flood_area", 0)
    z = torch.zeros(len(words.text), 4)
    assert not _softmax_loss(z, crop, _read_labels(crop, words, given), words, np.random.default_rng(0)).any()


def test_anything_but_pushes_its_own_words_down_and_raises_no_other() -> None:
    given = lessons()
    words = asked(given, ["water", "trees", "bare soil"])
    crop = crop_of("flood_area", 0)
    z = torch.zeros(len(words.text), 4, requires_grad=True)
    _softmax_loss(z, crop, _read_labels(crop, words, given), words, np.random.default_rng(0)).backward()
    assert z.grad is not None and (z.grad[0] > 0).all() and not z.grad[1:].any()


def test_cells_of_a_rest_may_be_any_plain_concept_but_the_denied_one() -> None:
    given = lessons()
    crop = crop_of("flood_area", 0)
    every = torch.ones(2, 2, dtype=torch.bool)
    may = {given.concepts.spoken[column] for column in _may_be(crop, every, given)}
    assert may == set(PLAIN) - {"water"}


def lawn(source: str, number: int) -> Picture:
    """A picture of one number: two thirds are green, the first rough and the second smooth; the rest is grey."""
    given = picture(source, np.full((60, 120), number, np.uint8))
    given.pixels[:] = 100
    given.pixels[:, :80, 1] = 130
    rough = np.random.default_rng(0).integers(-50, 50, (60, 40, 1))
    given.pixels[:, :40] = given.pixels[:, :40] + rough
    return given


def test_green_ground_without_a_label_is_marked_where_it_cannot_be_water() -> None:
    marked = mark_green(lawn("flood_area", 0)).truth
    assert np.mean(marked[:, :30] == GREEN) > 0.9
    assert (marked[:, 52:74] == SMOOTH).all() and (marked[:, 88:] == 0).all()
    for source, number in (("flood_area", 1), ("flood_area", UNKNOWN), ("ship_google_earth", 0), ("loveda", 1)):
        assert (mark_green(lawn(source, number)).truth == number).all(), source
    assert not growth(np.full((9, 9, 3), (100, 130, 130))).any()  # a pool


def test_green_ground_grows_and_leaves_open_what() -> None:
    given = lessons()
    words = asked(given, ["trees", "grass", "water", "building"])
    for number, trees in ((GREEN, 0), (SMOOTH, WRONG)):
        said = dict(zip(given.concepts.names, given.concepts.table("flood_area")[number].tolist(), strict=True))
        assert (said["vegetation"], said["grass"], said["trees"], said["road"]) == (RIGHT, 0, trees, WRONG)
        crop = crop_of("flood_area", number)
        best = _exclude(_read_labels(crop, words, given), crop, words, given, np.random.default_rng(0))
        row = crop.numbers.index(number)
        assert best.right[row, :4].tolist() == [number == GREEN, 1, 0, 0]
        assert best.worse[row, :4].tolist() == [number == SMOOTH, 0, 1, 1]


def test_green_ground_without_its_colour_is_of_the_rest_again() -> None:
    crop = crop_of("flood_area", GREEN)
    rest, green = crop.numbers.index(0), crop.numbers.index(GREEN)
    crop.shares[rest, 0] = crop.shares[green, 0] = 0.5
    plain = forget_green(crop)
    assert (plain.shares[rest] == 1).all() and not plain.shares[green].any()
    assert (crop.shares[green, 0] == 0.5).all()
    assert forget_green(crop_of("loveda", 2)).shares.equal(crop_of("loveda", 2).shares)


def test_a_picture_has_no_colour_if_its_channels_are_alike_everywhere() -> None:
    pixels = torch.rand(3, 1, 4, 4).repeat(1, 3, 1, 1)
    pixels[1, 0, 2, 3] += 0.1
    assert without_colour(pixels).tolist() == [True, False, True]


def test_a_map_loss_is_small_for_the_right_map_and_raises_no_rival() -> None:
    given = lessons()
    words = asked(given, ["road", "trees", "water"])
    crop = crop_of("roads_massachusetts", 1)
    crop.shares[:] = 0
    crop.shares[crop.numbers.index(1), 0] = crop.shares[crop.numbers.index(0), 1] = 1
    on = crop.shares[crop.numbers.index(1)].flatten()

    def loss(road: torch.Tensor) -> torch.Tensor:
        z = torch.zeros(len(words.text), 4)
        return _map_loss(
            [_map_shares(torch.cat([road[None], z[1:]]), crop, words, given, np.random.default_rng(0))] * 2
        )[0]

    assert loss(20 * (2 * on - 1)) < 1e-3 < 0.3 < loss(torch.full((4,), 20.0)) < loss(-20 * (2 * on - 1))
    z = torch.zeros(len(words.text), 4, requires_grad=True)
    _map_loss([_map_shares(z, crop, words, given, np.random.default_rng(0))] * 2)[0].backward()
    assert z.grad is not None and z.grad[0].any() and not z.grad[1:].any()
    assert _map_shares(z, crop, words, lessons(("road",)), np.random.default_rng(0))[0].shape == (0, 4)


def test_a_map_loss_leaves_classes_out_that_no_label_speaks_of() -> None:
    given = lessons(("trees",))
    words = asked(given, ["building", "road", "field"])
    crop = crop_of("sentinel2_korea", 70)
    likely, own = _map_shares(torch.zeros(len(words.text), 4), crop, words, given, np.random.default_rng(0))
    assert likely.shape == (3, 4) and not likely.any() and not own.any() and _map_loss([(likely, own)]) == []


def test_green_cells_of_scenes_grow_unless_there_is_water_or_wood() -> None:
    view = torch.from_numpy(lawn("flood_area", 0).pixels).permute(2, 0, 1).float()[None] / 255
    dry, pond, wood = (Scene(Path(f"{kind}_1.jpg"), [said]) for kind, said in
                       (("park", "a green lawn"), ("park", "a lawn and some Boats."), ("forest", "trees")))  # fmt: skip
    assert set(grown_cells(view, [dry]).unique().tolist()) == {0, GREEN, SMOOTH}
    assert not grown_cells(view, [pond]).any()
    assert set(grown_cells(view, [wood]).unique().tolist()) == {0, GREEN}


def test_the_loss_of_green_cells_falls_with_a_word_that_grows(seer: Seer) -> None:
    concepts = read_concepts()
    vectors = {word: torch.zeros(1, 8) for words in concepts.words.values() for word in words}
    for word in concepts.words["grass"]:
        vectors[word] = torch.eye(8)[:1]
    given = replace(lessons(), vectors=vectors)
    grown = torch.full((1, 2, 2), SMOOTH)
    fine = torch.eye(8)[0].view(1, 8, 1, 1).expand(1, 8, 2, 2)
    like, unlike = (green_loss(seer, cells, grown, given, np.random.default_rng(0)) for cells in (fine, -fine))
    assert like < 0.1 < 1 < unlike
    assert green_loss(seer, fine, torch.zeros_like(grown), given, np.random.default_rng(0)) == 0


def test_a_trace_of_green_says_nothing_of_the_rest_beside_it() -> None:
    given, crop = lessons(), crop_of("flood_area", 0)
    crop.shares[crop.numbers.index(GREEN)] = 0.03
    may = {given.concepts.spoken[column] for column in _may_be(crop, torch.ones(2, 2, dtype=torch.bool), given)}
    assert may == set(PLAIN) - {"water"}
