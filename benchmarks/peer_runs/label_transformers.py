"""Label pictures by transformers' zero-shot pipeline: python label_transformers.py PICTURES FOLDER LABELS."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from told import tell
from transformers import pipeline

pictures, folder, output = sys.argv[1:]
names = json.loads((Path(folder) / "names.json").read_text())
label = pipeline("zero-shot-image-classification", str(Path(folder) / "clip-transformers"), device="cpu", batch_size=16)
began = time.perf_counter()
files = [str(path) for path in sorted(Path(pictures).iterdir())]
best = {
    Path(file).name: each[0]["label"] for file, each in zip(files, label(files, candidate_labels=names), strict=True)
}
Path(output).write_text(json.dumps(best, sort_keys=True))
tell(began, "transformers", "torch")
