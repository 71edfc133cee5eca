"""The scan returns what a sort of all scores returns, whatever the vectors, filters and fusions."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import Float

from geoglot.index.search import scan as module
from geoglot.index.search import scan_codes
from geoglot.index.search.block import Block, first
from geoglot.index.search.scan import Ranked, scan, score_rows
from geoglot.index.store.codes import encode

DIM = 24
by_codes = pytest.mark.parametrize("_few", [0], indirect=True)


@pytest.fixture(autouse=True, params=[0, 10**6], ids=["by codes", "all exactly"])
def _few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of vectors that are all scored exactly."""
    monkeypatch.setattr(module, "FEW", request.param)


def _vectors(count: int, seed: int, spread: float = 1.0) -> np.ndarray:
    random = np.random.default_rng(seed)
    values = random.normal(size=(count, DIM)) * spread + np.random.default_rng(99).normal(size=DIM)
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float16)


def _blocks(*vectors: np.ndarray, masks: list[np.ndarray] | None = None) -> list[Block]:
    chosen = masks or [None] * len(vectors)
    return [Block(encode(some), some, mask) for some, mask in zip(vectors, chosen, strict=True)]


def _sort_all(vectors: np.ndarray, query: np.ndarray, k: int, mask: np.ndarray | None = None) -> np.ndarray:
    scores = (vectors.astype(np.float64) @ query).round(12)
    rows = np.arange(len(vectors)) if mask is None else np.flatnonzero(mask)
    return rows[np.lexsort((rows, -scores[rows]))][:k]


def _queries(seed: int = 5, count: int = 4) -> np.ndarray:
    values = np.random.default_rng(seed).normal(size=(count, DIM))
    return values / np.linalg.norm(values, axis=1, keepdims=True)


@pytest.mark.parametrize("spread", [1.0, 0.1, 1e-3, 0.0], ids=["wide", "cone", "closer than codes tell", "all equal"])
@pytest.mark.parametrize("k", [1, 10, 5000])
def test_the_best_of_all_shards(monkeypatch: pytest.MonkeyPatch, spread: float, k: int) -> None:
    monkeypatch.setattr(scan_codes, "_ROWS", 100)
    parts = [_vectors(count, seed, spread) for seed, count in enumerate((700, 1, 333))]
    for query in _queries():
        ranked = scan(_blocks(*parts), query[None], k)
        np.testing.assert_array_equal(ranked.rows, _sort_all(np.concatenate(parts), query, k))
        np.testing.assert_allclose(ranked.scores, np.concatenate(parts)[ranked.rows].astype(np.float64) @ query)


@pytest.mark.parametrize("left", [0.5, 0.05, 3, 0])
def test_filters_come_before_the_ranking(monkeypatch: pytest.MonkeyPatch, left: float) -> None:
    monkeypatch.setattr(scan_codes, "_ROWS", 100)
    parts = [_vectors(600, 1), _vectors(400, 2)]
    mask = np.zeros(1000, bool)
    count = int(left * 1000) if left < 1 else int(left)
    mask[np.random.default_rng(3).choice(1000, count, replace=False)] = True
    for query in _queries():
        ranked = scan(_blocks(*parts, masks=[mask[:600], mask[600:]]), query[None], 10)
        np.testing.assert_array_equal(ranked.rows, _sort_all(np.concatenate(parts), query, 10, mask))


def test_scores_of_several_queries_are_fused() -> None:
    vectors, queries = _vectors(900, 4, 0.3), _queries(count=3)

    def fuse(scores: Float[np.ndarray, "query row"]) -> Float[np.ndarray, " row"]:
        return np.maximum(scores[0], scores[1]) + np.tanh(5 * scores[2])

    ranked = scan(_blocks(vectors), queries, 20, fuse)
    exact = fuse(queries @ vectors.astype(np.float64).T)
    np.testing.assert_array_equal(ranked.rows, np.argsort(-exact, kind="stable")[:20])


def test_nothing_to_search() -> None:
    assert _length(scan([], _queries(count=1), 5)) == 0
    assert _length(scan(_blocks(np.zeros((0, DIM), np.float16)), _queries(count=1), 5)) == 0


@by_codes
def test_without_a_product_of_bytes_the_result_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, query = _vectors(500, 6), _queries(count=1)
    by_bytes = scan(_blocks(vectors), query, 7)
    monkeypatch.setattr(scan_codes, "_bytes_multiply", lambda: False)
    np.testing.assert_array_equal(scan(_blocks(vectors), query, 7).rows, by_bytes.rows)


@by_codes
@pytest.mark.parametrize("spread", [1.0, 0.0], ids=["wide", "all equal"])
def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch, spread: float) -> None:
    monkeypatch.setattr(scan_codes, "_ROWS", 50)
    parts, before = [_vectors(900, 1, spread), _vectors(500, 2, spread)], torch.get_num_threads()
    used = set[str]()

    def note(scores: Float[np.ndarray, "query row"]) -> Float[np.ndarray, " row"]:
        used.add(threading.current_thread().name)
        return first(scores)

    torch.set_num_threads(3)
    try:
        for query in _queries():
            ranked = scan(_blocks(*parts), query[None], 10, note)
            np.testing.assert_array_equal(ranked.rows, _sort_all(np.concatenate(parts), query, 10))
        assert torch.get_num_threads() == 3, "what the caller set is set again"
    finally:
        torch.set_num_threads(before)
    assert any(name.startswith("geoglot-scan") for name in used)


@by_codes
def test_few_rows_are_scored_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, query = _vectors(20_000, 8), _queries(count=1)
    scored = list[int]()

    def count(parts: list[np.ndarray], rows: np.ndarray, queries: np.ndarray) -> np.ndarray:
        scored.append(len(rows))
        return score_rows(parts, rows, queries)

    monkeypatch.setattr(module, "score_rows", count)
    scan(_blocks(vectors), query, 10)
    assert scored[0] < 400


def test_files_that_are_mapped_are_let_go_and_read_again(tmp_path: Path) -> None:
    vectors, query = _vectors(3000, 9), _queries(count=1)
    np.save(tmp_path / "vectors.npy", vectors)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    blocks = [Block(encode(vectors), mapped)]
    expected = _sort_all(vectors, query[0], 10)
    for _ in range(2):
        np.testing.assert_array_equal(scan(blocks, query, 10).rows, expected)


def _length(ranked: Ranked) -> int:
    assert len(ranked.rows) == len(ranked.scores)
    return len(ranked.rows)
