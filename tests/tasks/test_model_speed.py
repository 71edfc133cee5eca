import json

import pytest
from click.testing import CliRunner

from geoglot.cli.main import cli
from geoglot.tasks import model_speed


def test_the_speed_is_measured_for_the_models_that_are_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_speed, "_LEAST_S", 0.0)
    listed = json.loads(CliRunner().invoke(cli, ["models", "list", "--speed", "--json"]).stdout)["models"]
    speeds = {model["name"]: model["megapixels_per_s"] for model in listed}
    assert speeds["mini"] > 0 and speeds["clip-vit-b-16"] is None
    text = CliRunner().invoke(cli, ["models", "list", "--speed"]).stdout
    assert " Mpx/s " in text and "Mpx" not in CliRunner().invoke(cli, ["models", "list"]).stdout
