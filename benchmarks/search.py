"""Exact search of a million vectors: latency, recall, memory and filters, beside flat FAISS (float16) and flat LanceDB.

    python benchmarks/search.py [FOLDER] [--chips 1000000] [--dim 512]

The vectors are made once in FOLDER: clusters on a decaying spectrum, in a cone of images, with queries in another cone,
of texts. Median wall time and median processor time of one query are printed, each engine's in turn; on a machine with
other work the second is the one to compare, and on a free one the first. FAISS and LanceDB are left out if they are not
installed (pip install faiss-cpu lancedb).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from figures_of_runs import peak_gb

from geoglot.index.search.block import Block
from geoglot.index.search.scan import scan
from geoglot.index.store.codes import Codes, encode

K, QUERIES, BLOCK = 10, 24, 50_000
Search = Callable[[np.ndarray], np.ndarray]
"""From a query to the rows of its best K."""


def make_vectors(folder: Path, chips: int, dim: int) -> None:
    """Write vectors.npy and queries.npy, unless they are there."""
    if (folder / "queries.npy").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    spectrum = (np.arange(1, dim + 1) ** -0.4).astype(np.float32)
    spectrum /= np.linalg.norm(spectrum)
    centres = random.standard_normal((4000, dim), np.float32) * spectrum
    turn, _ = np.linalg.qr(random.standard_normal((dim, dim)).astype(np.float32))
    image, text = (direction / np.linalg.norm(direction) for direction in random.standard_normal((2, dim), np.float32))
    vectors = np.lib.format.open_memmap(folder / "vectors.npy", "w+", np.float16, (chips, dim))
    for start in range(0, chips, BLOCK):
        count = min(BLOCK, chips - start)
        noise = random.standard_normal((count, dim), np.float32) * spectrum
        vectors[start : start + count] = unit(
            (centres[random.integers(0, 4000, count)] + 0.7 * noise + 0.9 * image) @ turn
        )
    vectors.flush()
    noise = random.standard_normal((QUERIES, dim), np.float32) * spectrum
    np.save(
        folder / "queries.npy", unit((0.6 * centres[random.integers(0, 4000, QUERIES)] + 0.7 * noise + text) @ turn)
    )


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1."""
    scaled: np.ndarray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled


def sort_all(vectors: np.ndarray, query: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """The best rows by a sort of all scores."""
    parts = [vectors[start : start + BLOCK].astype(np.float32) @ query for start in range(0, len(vectors), BLOCK)]
    scores = np.concatenate(parts)
    if mask is not None:
        scores[~mask] = -np.inf
    best = np.argsort(-scores)[:K]
    return best[np.isfinite(scores[best])]


def measure(searches: dict[str, Search], queries: np.ndarray, repeat: int) -> dict[str, tuple[float, float]]:
    """Ask each search in turn, and print median and least times; returns the medians of wall and processor seconds."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in searches}
    for index in range(-1, repeat):  # the first time does not count
        for name, search in searches.items():
            began, worked = time.perf_counter(), time.process_time()
            search(queries[index % len(queries)])
            if index >= 0:
                times[name].append((time.perf_counter() - began, time.process_time() - worked))
    medians = {}
    for name, each in times.items():
        walls, used = zip(*each, strict=True)
        medians[name] = wall, processor = statistics.median(walls), statistics.median(used)
        print(f"{name:<28} {wall * 1e3:8.1f} ms wall (least {min(walls) * 1e3:.1f})  {processor * 1e3:8.1f} ms "
              f"processor (least {min(used) * 1e3:.1f}), median of {repeat}", flush=True)  # fmt: skip
    return medians


def open_block(folder: Path, mask: np.ndarray | None = None) -> list[Block]:
    """The vectors as the scan takes them; codes are made once."""
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    if not (folder / "scale.npy").exists():
        codes = encode(vectors)
        np.save(folder / "codes.npy", codes.values)
        np.save(folder / "scale.npy", codes.scale)
    codes = Codes.of(np.load(folder / "codes.npy", mmap_mode="r"), np.load(folder / "scale.npy"))
    return [Block(codes, vectors, mask)]


def run_ours(folder: Path, threads: int, repeat: int) -> None:
    """The child: our scan alone, so that its memory is its own."""
    torch.set_num_threads(threads)
    queries, blocks = np.load(folder / "queries.npy"), open_block(folder)

    def ours(searched: list[Block], query: np.ndarray) -> np.ndarray:
        return scan(searched, query[None], K).rows

    name = "geoglot, exact"
    plain = measure({name: partial(ours, blocks)}, queries, repeat)[name]
    resident = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    print(f"{'resident':<28} {int(resident.split()[1]) * 1024 / 1e9:9.2f} GB, at most {peak_gb():.2f} GB")
    vectors = blocks[0].vectors
    right = [np.intersect1d(ours(blocks, query), sort_all(vectors, query)).size / K for query in queries[: repeat // 4]]
    print(f"{'recall@10 of text queries':<28} {np.mean(right):9.3f} of {len(right)} queries")
    random = np.random.default_rng(1)
    for left, name in ((0.5, "half"), (0.01, "1 %"), (3 / len(vectors), "3 rows"), (0.0, "none")):
        mask = np.zeros(len(vectors), bool)
        mask[random.choice(len(vectors), round(left * len(vectors)), replace=False)] = True
        filtered = open_block(folder, mask)
        search = partial(ours, filtered)
        [time_of] = measure({f"a filter leaves {name}": search}, queries, repeat // 2).values()
        same = all(np.array_equal(search(query), sort_all(vectors, query, mask)) for query in queries[: repeat // 8])
        print(f"{'':<28} {time_of[1] / plain[1]:9.2f} of the processor time without, equal to a sort of all: {same}")


def faiss_flat(folder: Path, threads: int) -> Search | None:
    """FAISS's flat index in float16, in memory; None if it is not installed."""
    try:
        import faiss
    except ImportError:
        return None
    faiss.omp_set_num_threads(threads)
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    index = faiss.IndexScalarQuantizer(vectors.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    index.train(vectors[:1000].astype(np.float32))
    for start in range(0, len(vectors), BLOCK):
        index.add(vectors[start : start + BLOCK].astype(np.float32))
    return lambda query: index.search(query[None], K)[1][0]


def lance_flat(folder: Path) -> Search | None:
    """LanceDB's search without an index; None if it is not installed."""
    try:
        import lancedb
        import pyarrow as pa
    except ImportError:
        return None
    database = lancedb.connect(str(folder / "lance"))
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")

    def batches() -> object:
        for start in range(0, len(vectors), BLOCK):
            values = pa.array(vectors[start : start + BLOCK].ravel())
            yield pa.record_batch([pa.FixedSizeListArray.from_arrays(values, vectors.shape[1])], ["vector"])

    schema = pa.schema([("vector", pa.list_(pa.float16(), vectors.shape[1]))])
    kept = "chips" in database.list_tables().tables
    table = database.open_table("chips") if kept else database.create_table("chips", batches(), schema=schema)
    return lambda query: table.search(query.astype(np.float16)).distance_type("dot").limit(K).to_arrow()


def compare(folder: Path, threads: int, repeat: int) -> dict[str, tuple[float, float]]:
    """Ours, the others, and a mere reading of all codes on one thread, in turn; returns what `measure` does."""
    torch.set_num_threads(threads)
    blocks = open_block(folder)
    codes = np.asarray(blocks[0].codes.values).view(np.int64)
    name = "geoglot, exact"
    others = {"FAISS flat float16": faiss_flat(folder, threads), "LanceDB flat float16": lance_flat(folder)}
    searches: dict[str, Search] = {name: lambda query: scan(blocks, query[None], K).rows}
    searches |= {"codes read, nothing more": lambda _: codes.max()}
    searches |= {other: search for other, search in others.items() if search is not None}
    medians = measure(searches, np.load(folder / "queries.npy"), repeat)
    for other, (wall, used) in medians.items():
        print(
            f"{other:<28} {wall / medians[name][0]:8.1f} times ours by wall, {used / medians[name][1]:.1f} by processor"
        )
    return medians


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("search-benchmark"))
    parser.add_argument("--chips", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--repeat", type=int, default=48, help="queries that are timed, at least 8")
    parser.add_argument("--ours", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.ours:
        run_ours(given.folder, given.threads, given.repeat)
        return
    make_vectors(given.folder, given.chips, given.dim)
    open_block(given.folder)
    command = [
        sys.executable,
        __file__,
        str(given.folder),
        "--threads",
        str(given.threads),
        "--repeat",
        str(given.repeat),
        "--ours",
    ]
    subprocess.run(command, check=True)
    compare(given.folder, given.threads, given.repeat // 4)


if __name__ == "__main__":
    main()
