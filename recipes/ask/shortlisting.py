"""Does a shortlist by overviews begin with the scenes that show an object?

    python recipes/ask/shortlisting.py rsicd/valid --scenes 300 --seed 0

The images must be named by what they show, as in RSICD (`bridge_12.jpg`). For each kind the recipe plans "Is there a
bridge?" and takes as many scenes as truly show one. It prints the share of these that do, beside the share expected by
chance.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from geoglot.models.zoo import load_model
from geoglot.options import FindOptions, ReadOptions
from geoglot.tasks.ask.rules import Rules
from geoglot.tasks.ask.scene_overviews import Overviews
from geoglot.tasks.ask.shortlist import names_of_questions, shortlist

KINDS = {
    "airport": "airport", "baseballfield": "baseball field", "beach": "beach", "bridge": "bridge", "church": "church",
    "farmland": "farmland", "forest": "forest", "parking": "parking lot", "pond": "pond", "port": "port",
    "river": "river", "stadium": "stadium", "storagetanks": "storage tank", "viaduct": "viaduct",
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line for each kind, and the mean."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scenes", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="mini")
    given = parser.parse_args(arguments)
    paths = np.array(sorted(str(path) for path in given.folder.glob("*.jpg")))
    chosen = np.random.default_rng(given.seed).permutation(paths)[: given.scenes].tolist()
    kinds = [re.match("[a-z]*", Path(path).name.lower())[0] for path in chosen]
    names = names_of_questions([f"Is there a {words}?" for kind, words in KINDS.items() if kind in kinds], Rules().plan)
    overviews = Overviews(load_model(given.model), ReadOptions(), FindOptions(overlay=False))
    shortlists = shortlist(chosen, names, overviews, best=len(chosen))
    shares, chances = [], []
    for kind, one in zip([kind for kind in KINDS if kind in kinds], shortlists, strict=True):
        hold = {path for path, other in zip(chosen, kinds, strict=True) if other == kind}
        first = [scene.source for scene in one.asked[: len(hold)]]
        shares.append(len(hold & set(first)) / len(hold))
        chances.append(len(hold) / len(chosen))
        print(f"{one.question:32} {len(hold & set(first)):3} of the first {len(hold):3}")
    print(f"{len(chosen)} scenes: mean share {np.mean(shares):.1%}, by chance {np.mean(chances):.1%}")


if __name__ == "__main__":
    main(sys.argv[1:])
