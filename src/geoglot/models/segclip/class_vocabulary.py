"""Change or add classes of a trained SegCLIP through their texts.

A class with another text keeps its learned weights and its id; only its query starts from the other text. An added
class was never seen in training. It needs the cosine head, replaces a learned query, and works as far as its text lies
between the texts of training. With the linear head, which has a weight vector for each class, no class can be added.
"""

from collections.abc import Mapping
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from geoglot.errors import ModelError
from geoglot.models.segclip.segclip import SegClip
from geoglot.models.segclip.text_prompts import BACKGROUND


def with_texts(model: SegClip, texts: Mapping[str, Float[Tensor, " text_dim"]]) -> SegClip:
    """A copy of the model whose classes have these text embeddings; unknown names are added in their order.

    Raises ModelError if the model reads no texts, or cannot have more classes.
    """
    config = model.config
    if model.table is None:
        raise ModelError("this model was trained without texts; its classes stay as they are")
    if texts and not config.prompts.on and config.class_head == "linear":
        raise ModelError("this model read texts in its training only, so other words would change nothing")
    if BACKGROUND in texts and config.prompts.background == "learned":
        raise ModelError(f"{BACKGROUND} of this model is learned and has no text; other words would change nothing")
    known = config.classes
    added = [name for name in texts if name not in known]
    if added and config.class_head == "linear":
        raise ModelError(
            f"{', '.join(added)} cannot be added: this model has a weight vector for each class; "
            "train it with class_head = 'cosine'"
        )
    other = SegClip(replace(config, classes=(*known, *added)))
    vectors, learned = model.table.vectors, model.prompts.learned.weight
    rows = dict(zip(known, vectors, strict=False)) | dict(texts)
    table = torch.stack([*(rows[name].to(vectors) for name in other.config.classes), vectors[-1]])
    kept = learned[len(learned) - len(other.prompts.learned.weight) :]
    other.load_state_dict(model.state_dict() | {"table.vectors": table, "prompts.learned.weight": kept})
    return other.to(model.table.vectors.device).eval().requires_grad_(False)
