import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geoglot.index.search.picture_cache import open_or_index

SLOW = ("pandas", "geopandas", "scipy", "pyogrio", "torch", "rasterio")
CODE = f"""
import sys
from geoglot.cli.main import cli
try:
    cli(["search", sys.argv[1], "red roof", "--json"])
except SystemExit as end:
    print(end.code, *[name for name in {SLOW!r} if name in sys.modules], file=sys.stderr)
"""


def test_the_second_search_of_a_folder_imports_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    monkeypatch.setenv("GEOGLOT_CACHE", str(tmp_path / "cache"))
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (48, 48, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    assert open_or_index(folder).archive.rows == 3
    for slow in ("0 torch rasterio", "0"):  # new words need the model
        again = subprocess.run([sys.executable, "-c", CODE, folder], capture_output=True, text=True, check=True)
        assert again.stderr.splitlines()[-1] == slow and again.stdout.count("png") >= 3
