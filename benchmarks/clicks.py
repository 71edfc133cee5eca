"""Clicks: how much five right and five wrong hits a round teach, beside the text alone and the usual rule.

`python benchmarks/clicks.py FOLDER` on a folder of pictures named `class_number.jpg`, such as RSICD's valid split. One
half of the pictures is searched: the user marks the first five right and the first five wrong ones that are not marked
yet, three times. Average precision is measured on the other half; then the halves change. The rule is
2 * mean(yes) - mean(no), as GeoVibes has it. The last line is the time of a round over a million vectors of 512.
"""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "recipes" / "mini"))

from data import class_words
from phrases import OTHER_WORDS

from geoglot.datasets.image_files import read_picture
from geoglot.evaluation.image_vectors import encode_pictures
from geoglot.evaluation.metrics import Ranking
from geoglot.index.concepts.background import SAMPLE, Background
from geoglot.index.concepts.head import as_word, fit_head
from geoglot.index.search.block import Block
from geoglot.index.search.scan import scan
from geoglot.index.store.codes import encode
from geoglot.models.zoo import load_word_model
from geoglot.scene.text_vectors import text_vectors

ROUNDS, EACH = 3, 5
#: From text, yes, no and the background to what images are compared with
Method = Callable[[np.ndarray, np.ndarray, np.ndarray, Background], np.ndarray]


def head(text: np.ndarray, yes: np.ndarray, no: np.ndarray, background: Background) -> np.ndarray:
    """geoglot's."""
    return as_word(fit_head(text, yes, no, background), text, background)[0]


def rule(_text: np.ndarray, yes: np.ndarray, no: np.ndarray, _background: Background) -> np.ndarray:
    """2 * mean(yes) - mean(no)."""
    return np.asarray(2 * yes.mean(0) - no.mean(0))


def average_precision(scores: np.ndarray, wanted: np.ndarray) -> float:
    """Average precision of the whole ranking by scores."""
    count = len(scores)
    return float(Ranking.of(scores[:, None], wanted[:, None], count).average_precisions(count, np.ones(count, int))[0])


def rounds(vectors: np.ndarray, wanted: np.ndarray, text: np.ndarray, method: Method, half: int) -> list[float]:
    """Average precision on the half that nobody marks, before any mark and after each round."""
    searched = np.arange(len(vectors)) % 2 == half
    background, word = Background.of([vectors]), text
    found, marked = [average_precision(vectors[~searched] @ word, wanted[~searched])], list[int]()
    for _ in range(ROUNDS):
        order = np.argsort(-(vectors @ word), kind="stable")
        new = [index for index in order if searched[index] and index not in set(marked)]
        for right in (True, False):
            marked += [index for index in new if wanted[index] == right][:EACH]
        yes, no = (vectors[[index for index in marked if wanted[index] == is_yes]] for is_yes in (True, False))
        word = method(text, yes, no, background)
        found.append(average_precision(vectors[~searched] @ word, wanted[~searched]))
    return found


def compare(vectors: np.ndarray, classes: Sequence[str], texts: np.ndarray, names: Sequence[str], title: str) -> None:
    """Print mean AP of the text, and of both methods after each round."""
    wanted = [np.array([own == name for own in classes]) for name in names]
    table = {
        how: np.mean([rounds(vectors, show, text, method, half)
                      for show, text in zip(wanted, texts, strict=True) for half in (0, 1)], axis=0)
        for how, method in (("head", head), ("rule", rule))
    }  # fmt: skip
    print(f"{title}: text alone {table['head'][0]:.3f}")
    for how, row in table.items():
        print(f"  {how}  " + "  ".join(f"round {number} {value:.3f}" for number, value in enumerate(row[1:], 1)))
    gained, over = table["head"][-1] - table["head"][0], table["head"][-1] - table["rule"][-1]
    left = (1 - table["head"][-1]) / (1 - table["head"][0])
    print(f"  head - text {gained:+.3f} ({left:.0%} of the misses are left); head - rule {over:+.3f}, "
          f"in the first round {table['head'][1] - table['rule'][1]:+.3f}", flush=True)  # fmt: skip


def time_round(rows: int = 1_000_000, dim: int = 512) -> None:
    """Print the time of a round: thirty examples to a head, a word, and the best 50 of all rows."""
    random = np.random.default_rng(0)
    vectors = np.empty((rows, dim), np.float16)
    for first in range(0, rows, 2**16):
        part = random.standard_normal((min(2**16, rows - first), dim), np.float32) + 1
        vectors[first : first + 2**16] = part / np.linalg.norm(part, axis=1, keepdims=True)
    block = Block(encode(vectors), vectors)
    background = Background.of([vectors[:: rows // SAMPLE].astype(np.float64)])
    text, times = vectors[7].astype(np.float64), []
    for number in range(10):
        began = time.perf_counter()
        chosen = vectors[number * 100 : number * 100 + 30].astype(np.float64)
        word = head(text, chosen[:15], chosen[15:], background)
        scan([block], word[None].astype(np.float32), 50)
        times.append(time.perf_counter() - began)
    print(f"a round at {rows:,} x {dim}: median {1000 * np.median(times):.0f} ms, best {1000 * min(times):.0f} ms, "
          f"{torch.get_num_threads()} threads; the first one also makes the background")  # fmt: skip


def main(folder: str) -> None:
    """Print all."""
    files = sorted(Path(folder).glob("*.jpg"))
    model = load_word_model("mini", device="cpu")
    pictures = [lambda file=file: read_picture(file) for file in files]
    vectors = encode_pictures(model, pictures, "mirror", 16).double().numpy()
    classes = [file.stem.rpartition("_")[0] for file in files]
    names = sorted(set(classes))
    own = {name: class_words(name) for name in names}
    for words, title in ((own, "names of the classes"), (own | OTHER_WORDS, "words that no training read")):
        with torch.inference_mode():
            texts = text_vectors(model, [words[name] for name in names]).double().numpy()
        compare(vectors, classes, texts, names, f"{len(names)} classes, {title}")
    time_round()


if __name__ == "__main__":
    main(*sys.argv[1:])
