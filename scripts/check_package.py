"""Build the sdist and, from it, the wheel; look into the wheel; install it in a bare environment; run the demo there.

python scripts/check_package.py             # without a network: with the dependencies of the environment that runs this
python scripts/check_package.py --online    # also twine check, and the dependencies installed as they are locked
python scripts/check_package.py --keep dist # also keep both files in this folder, if all is well
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements/constraints.txt"
MOST_MB = 25
#: What an installation needs besides its modules
CARRIED = (
    "geoglot/py.typed", "geoglot/__init__.pyi", "geoglot/demo/scene.tif", "geoglot/demo/LICENCE.md",
    "geoglot/models/mini/weights/weights.safetensors", "geoglot/models/mini/weights/presence.safetensors",
    "geoglot/tasks/ask/grammar/questions.txt", "geoglot/app/page/index.html", "geoglot/app/page/LICENCES.md",
    "geoglot/shipped/docs/install.md", "geoglot/shipped/docs/search.md",
    "geoglot/shipped/recipes/segclip/loveda.toml", "geoglot/shipped/recipes/world/world.py",
    "geoglot/shipped/notebooks/tour.ipynb",
)  # fmt: skip
#: What a person tries first, in an empty folder
TRIED = (
    ("doctor",),
    ("demo", "-q"),
    ("info", "demo-output/scene.tif"),
    ("help", "search"),
    ("recipes", "copy", "loveda"),
    ("models", "list"),
    ("completion", "bash"),
)


def main() -> None:
    """Check everything; the first thing that is wrong ends it."""
    arguments = ArgumentParser()
    arguments.add_argument("--online", action="store_true")
    arguments.add_argument("--keep", type=Path)
    asked = arguments.parse_args()
    with TemporaryDirectory() as folder:
        place = Path(folder)
        sdist, wheel = build(place / "dist")
        print(f"{sdist.name} {_mb(sdist):.1f} MB, {wheel.name} {_mb(wheel):.1f} MB")
        if wrong := faults(wheel):
            sys.exit("\n".join(wrong))
        if asked.online:
            check_metadata(place / "twine", sdist, wheel)
        try_out(install(place / "bare", wheel, online=asked.online), place / "empty")
        print("installed in a bare environment; the demo ran there")
        if asked.keep:
            asked.keep.mkdir(parents=True, exist_ok=True)
            for file in (sdist, wheel):
                shutil.copy(file, asked.keep)


def build(folder: Path) -> tuple[Path, Path]:
    """The sdist of this checkout, and the wheel that is built from the sdist."""
    _hatchling("sdist", ROOT, folder)
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as packed:
        packed.extractall(folder / "unpacked", filter="data")
    (source,) = (folder / "unpacked").iterdir()
    _hatchling("wheel", source, folder)
    (wheel,) = folder.glob("*.whl")
    return sdist, wheel


def faults(wheel: Path) -> list[str]:
    """What is wrong with the contents of a wheel."""
    with ZipFile(wheel) as packed:
        names = packed.namelist()
    rooms = {name.partition("/")[0] for name in names}
    strange = sorted(room for room in rooms if room != "geoglot" and not room.endswith(".dist-info"))
    return [
        *(f"the wheel lacks {name}" for name in CARRIED if name not in names),
        *(f"the wheel should not hold {name}" for name in strange),
        *(f"the wheel holds {name}" for name in names if "__pycache__" in name or "/tests/" in name),
        *([f"the wheel has more than {MOST_MB} MB"] if _mb(wheel) > MOST_MB else []),
    ]


def check_metadata(folder: Path, *files: Path) -> None:
    """Run twine check, which looks at names, versions, and the description that an index shows."""
    venv.create(folder, with_pip=True)
    _run(folder / "bin/pip", "install", "--quiet", "twine")
    _run(folder / "bin/twine", "check", "--strict", *files)


def install(folder: Path, wheel: Path, *, online: bool) -> Path:
    """Install a wheel in a new environment; the program `geoglot` there.

    Without a network, the dependencies are found in the environment that runs this, by a line in a .pth file. That
    environment's geoglot is not found so: an editable installation lies behind a .pth of its own, which is not read.
    """
    venv.create(folder, with_pip=online)
    python = folder / "bin/python"
    if online:
        _run(python, "-m", "pip", "install", "--quiet", "--constraint", LOCK, wheel)
    else:
        _run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel)
        own = sysconfig.get_path("purelib", vars={"base": str(folder)})
        Path(own, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return folder / "bin/geoglot"


def try_out(program: Path, folder: Path) -> None:
    """Run what a person tries first. An error ends it."""
    folder.mkdir()
    from_wheel = "from geoglot import shipped; exit(shipped.docs().parent.name != 'shipped')"
    _run(program.parent / "python", "-c", from_wheel, cwd=folder)
    for words in TRIED:
        _run(program, *words, cwd=folder)
    for file in ("map.tif", "map.overlay.png", "map.gpkg"):
        if not (folder / "demo-output" / file).is_file():
            sys.exit(f"geoglot demo wrote no {file}")


def _hatchling(target: str, source: Path, folder: Path) -> None:
    _run(sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", folder, cwd=source)


def _run(*words: str | Path, cwd: Path | None = None) -> None:
    """Run a program that finds nothing of this checkout. What it said is printed if it fails."""
    kept = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    clean = {"PATH": "/usr/bin:/bin", "HOME": str(Path.home()), "OMP_NUM_THREADS": "1", **kept}
    told = subprocess.run([str(word) for word in words], cwd=cwd, env=clean, capture_output=True, text=True)
    if told.returncode:
        sys.exit(f"{' '.join(map(str, words))}\n{told.stdout}{told.stderr}")


def _mb(file: Path) -> float:
    return file.stat().st_size / 1e6


if __name__ == "__main__":
    main()
