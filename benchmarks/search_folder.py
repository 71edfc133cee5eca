"""How long `geoglot search FOLDER "words"` takes from the shell: the first time, the same words again, other words.

    python benchmarks/search_folder.py [--pictures FOLDER] [--count 1000] [--repeats 5] [--json]

Without --pictures they are made up, of 224 px. Each run is a new process; its modules are compiled, as pip leaves them.
Seconds of the processor are printed too, since other work on the machine changes those of the clock.
"""

from __future__ import annotations

import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
from classify_folder import make_pictures
from cold_start import environment
from figures_of_runs import Spent, describe_machine, middle

_WORDS = (
    "baseball field",
    "harbour",
    "forest",
    "parking lot",
    "river",
    "bridge",
    "stadium",
    "desert",
    "church",
    "beach",
)
LIMIT_S = {"first": 20.0, "again": 1.0}


def search(folder: Path, words: str, cache: Path) -> Spent:
    """Run the command in a new process."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "geoglot", "search", str(folder), words]
    settings = environment(cache) | {"GEOGLOT_CACHE": str(cache)}
    subprocess.run(command, check=True, capture_output=True, env=settings)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Spent(time.perf_counter() - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


@click.command()
@click.option("--pictures", type=click.Path(path_type=Path, exists=True), help="A folder of JPEG pictures.")
@click.option("--count", default=1000, show_default=True, help="At most so many pictures.")
@click.option("--repeats", default=5, show_default=True, type=click.IntRange(1, len(_WORDS) - 1))
@click.option("--json", "as_json", is_flag=True)
def main(pictures: Path | None, count: int, repeats: int, as_json: bool) -> None:
    """Print medians of each kind; exit 1 if the first run, or the same words again, take too long."""
    with tempfile.TemporaryDirectory() as name:
        cache, folder = Path(name), Path(name) / "pictures"
        folder.mkdir()
        if pictures is None:
            make_pictures(folder, count)
        else:
            for number, path in enumerate(sorted(pictures.rglob("*.jp*g"))[:count]):
                shutil.copy(path, folder / f"{number}-{path.name}")
        (small := Path(name) / "small").mkdir()
        for path in sorted(folder.iterdir())[:2]:
            shutil.copy(path, small)
        search(small, _WORDS[0], cache)  # compiles the modules
        found = len(list(folder.iterdir()))
        runs = {"first": [search(folder, _WORDS[0], cache)]}
        runs["again"] = [search(folder, _WORDS[0], cache) for _ in range(repeats)]
        runs["other"] = [search(folder, words, cache) for words in _WORDS[1 : repeats + 1]]
    seconds = {kind: [run.wall for run in some] for kind, some in runs.items()}
    if as_json:
        kinds = {kind: {"wall": seconds[kind], "cpu": [run.cpu for run in some]} for kind, some in runs.items()}
        click.echo(json.dumps({"machine": describe_machine(), "pictures": found, **kinds}))
    else:
        click.echo(f"{describe_machine()}\n{found:,} pictures")
        for kind, what in (("first", "first time"), ("again", "same words again"), ("other", "other words")):
            click.echo(f"{what:<17} {middle(seconds[kind], 's')}")
            click.echo(f"{'  of processor':<17} {middle([run.cpu for run in runs[kind]], 's')}")
    sys.exit(any(statistics.median(seconds[kind]) > limit for kind, limit in LIMIT_S.items()))


if __name__ == "__main__":
    main()
