import re
import subprocess
import sys
from pathlib import Path

import geoglot


def test_every_name_of_the_stub_is_there_and_says_what_it_is() -> None:
    stub = Path(geoglot.__file__).with_suffix(".pyi").read_text(encoding="utf-8")
    names = sorted(re.findall(r" as (\w+)", stub))
    assert sorted(geoglot.__all__) == names and {"ask", "find", "segment", "load_model"} <= set(names)
    for name in names:
        assert getattr(geoglot, name).__doc__, name


def test_import_costs_nothing() -> None:
    code = "import sys, geoglot; print(*{'torch', 'numpy', 'rasterio', 'click'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""


def test_no_public_name_loads_what_only_notebooks_need() -> None:
    code = """
import sys, geoglot
for name in geoglot.__all__:
    getattr(geoglot, name)
import geoglot.cli.main
print(*{"matplotlib", "folium", "branca"} & set(sys.modules))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
