import subprocess
import sys

import geoglot


def test_all_is_sorted_and_exact() -> None:
    assert geoglot.__all__ == sorted(geoglot.__all__)
    assert set(geoglot.__all__) == {*geoglot._HOMES, "__version__"}


def test_every_name_is_there_and_says_what_it_is() -> None:
    for name in geoglot._HOMES:
        assert getattr(geoglot, name).__doc__, name


def test_import_costs_nothing() -> None:
    code = "import sys, geoglot; print(*{'torch', 'numpy', 'rasterio', 'click'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
