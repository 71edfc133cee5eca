"""How long `geoglot segment` takes on the demo scene from the shell to its first window, and what of it are imports.

    python benchmarks/cold_start.py [--repeats 7] [--json]

Each run is a new process; its modules are compiled, as pip leaves them. "First window" is the moment when the first
line of progress about windows arrives on stderr. Seconds of the processor are printed too, since other work on the
machine changes those of the clock. The parts are a bare Python, `import torch`, and the time that modules took by
`-X importtime` in a run of their own, added up by package.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import click
from figures_of_runs import describe_machine, middle

from geoglot.demo import SCENE

_LINE = re.compile(r"import time:\s*(\d+) \|\s*\d+ \|\s*([\w.]+)")
_SHOWN = 10  # packages
LIMIT_S = 1.5


@dataclass(frozen=True)
class Start:
    """Seconds of one run."""

    first_window: float
    first_window_cpu: float
    whole: float


def environment(folder: Path) -> dict[str, str]:
    """Variables of the children, whose compiled modules lie in a folder."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(folder / "compiled")}


def segment(folder: Path) -> list[str]:
    """The command that is measured."""
    output = folder / f"{time.monotonic_ns()}.tif"
    return ["-m", "geoglot", "segment", str(SCENE), "--classes", "trees, grass, road, building", "-o", str(output)]


def start(folder: Path) -> Start:
    """Run the command in a new process."""
    began = time.perf_counter()
    command = [sys.executable, *segment(folder)]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment(folder)
    ) as child:
        assert child.stderr is not None, "it is a pipe"
        first = next(line for line in child.stderr if line.startswith("windows"))
        seconds, busy = time.perf_counter() - began, busy_seconds(child.pid)
        child.stderr.read()
        assert first and child.wait() == 0, "the command failed"
    return Start(seconds, busy, time.perf_counter() - began)


def busy_seconds(process: int) -> float:
    """Seconds of the processor that a process has used (Linux), or NaN."""
    status = Path(f"/proc/{process}/stat")
    if not status.exists():
        return float("nan")
    user, system = status.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def seconds_of(folder: Path, *arguments: str) -> float:
    """Seconds of a Python with these arguments."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=environment(folder))
    return time.perf_counter() - began


def imports(folder: Path) -> dict[str, float]:
    """Seconds that the modules of each package took to import, the longest first."""
    command = [sys.executable, "-X", "importtime", *segment(folder)]
    told = subprocess.run(command, check=True, capture_output=True, text=True, env=environment(folder)).stderr
    packages = defaultdict[str, float](float)
    for microseconds, module in _LINE.findall(told):
        packages[module.partition(".")[0]] += int(microseconds) / 1e6
    return dict(sorted(packages.items(), key=lambda item: -item[1]))


@click.command()
@click.option("--repeats", default=7, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(repeats: int, as_json: bool) -> None:
    """Print medians of the starts and their parts; exit 1 if the first window comes later than the limit."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start(folder)  # compiles the modules
        bare, torch, starts = list[float](), list[float](), list[Start]()
        for _ in range(repeats):
            bare.append(seconds_of(folder, "-c", ""))
            torch.append(seconds_of(folder, "-c", "import torch"))
            starts.append(start(folder))
        packages = imports(folder)
    first = [each.first_window for each in starts]
    if as_json:
        rows = {"bare": bare, "torch": torch, "first_window": first, "whole": [each.whole for each in starts]}
        click.echo(json.dumps({"machine": describe_machine(), **rows, "imports": packages}))
    else:
        click.echo(describe_machine())
        click.echo(f"a bare Python             {middle(bare, 's')}")
        click.echo(f"import torch              {middle(torch, 's')}")
        click.echo(f"segment, first window     {middle(first, 's')}")
        click.echo(f"  the same, of processor  {middle([each.first_window_cpu for each in starts], 's')}")
        click.echo(f"segment, all of it        {middle([each.whole for each in starts], 's')}")
        ratios = [run.first_window / other for run, other in zip(starts, torch, strict=True)]
        click.echo(f"first window over torch   {middle(ratios, 'x')}")
        click.echo(f"imports, {sum(packages.values()):.2f} s with -X importtime, by package:")
        for package, seconds in list(packages.items())[:_SHOWN]:
            click.echo(f"  {package:<14} {seconds:.3f} s")
    sys.exit(statistics.median(first) > LIMIT_S)


if __name__ == "__main__":
    main()
