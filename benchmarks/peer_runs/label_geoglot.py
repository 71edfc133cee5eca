"""Label a folder of pictures by geoglot: python label_geoglot.py PICTURES FOLDER LABELS."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from told import tell

from geoglot.models.zoo import load_word_model
from geoglot.options import ClassifyOptions
from geoglot.tasks.classify import classify

pictures, folder, output = sys.argv[1:]
names = json.loads((Path(folder) / "names.json").read_text())
model = load_word_model(Path(folder) / "clip", precision="auto")
began = time.perf_counter()
labels = classify(pictures, names, model=model, options=ClassifyOptions(templates=("This is a photo of {}.",)))
Path(output).write_text(json.dumps({Path(each.source).name: each.label for each in labels.results}, sort_keys=True))
tell(began, "geoglot", "torch")
