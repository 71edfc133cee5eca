"""Files that are called weights and are something else: what a download or a clone leaves in their place."""

from __future__ import annotations

from pathlib import Path

from geoglot.errors import ModelError

_KINDS = (
    (b"version https://git-lfs", "is a pointer of Git LFS, not the weights; get them with: git lfs pull"),
    (b"<!doctype", "is a page of the web, not weights; download the file itself, signed in if it asks for that"),
    (b"<html", "is a page of the web, not weights; download the file itself, signed in if it asks for that"),
    (b"\x93numpy", "is an array of NumPy, not weights; save the model's state_dict() with torch.save"),
)


def check_is_weights(path: Path) -> None:
    """ModelError where the first bytes of a file say that it is another kind of file, or where it has none."""
    with path.open("rb") as file:
        head = file.read(64).lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if not head:
        raise ModelError(f"{path} is empty; get it again")
    for start, what in _KINDS:
        if head.startswith(start):
            raise ModelError(f"{path} {what}")
