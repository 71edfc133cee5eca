"""Recognise checkpoints of other kinds than ViT-CLIP by the names of their weights."""

import re
from collections.abc import Iterable

_READ = "only ViT-CLIPs are read (OpenAI's, OpenCLIP's, transformers')"
#: Patterns of names that a file must all have, and the message about such a file; the first that fits counts
_OTHERS: tuple[tuple[tuple[str, ...], str], ...] = (
    ((r"\blora_[AB]\b",), "it holds LoRA adapters; merge them (peft: merge_and_unload()) and save the whole model"),
    ((r"^optimiser\.\d+\.", r"^model\."), "it is the state of a training run; its model is RUN/model at the end"),
    ((r"\bmask_decoder\.",), "it is a SAM, which reads no words; its folder is for --refine sam --sam FOLDER"),
    ((r"\bvision_model\.head\.probe$",), f"it is a SigLIP; {_READ}"),
    ((r"\bvisual\.trunk\.", r"\blogit_bias$"), f"it is a SigLIP (visual.trunk, logit_bias); {_READ}"),
    ((r"\bvisual\.(trunk\.)?(rope\b|blocks\.\d+\.(mlp\.w\d|mlp\.fc1_g|attn\.q_proj|attn\.q_bias|attn\.inner))",),
     f"it is an EVA-CLIP; {_READ}"),
    ((r"\bvisual\.blocks\.",), f"it is an EVA-CLIP; {_READ}"),
    ((r"\bvisual\.trunk\.",), f"it is a CLIP whose image tower is one of timm (visual.trunk); {_READ}"),
    ((r"\bvisual\.(layer1|attnpool|bn1)\.",), f"it is a CLIP with a ResNet (RN50 and the like); {_READ}"),
    ((r"\b(image|text)_encoder\.model\.",), f"it is a MobileCLIP; {_READ}"),
    ((r"\btext_decoder\.bert\.|\bvisual_encoder\.blocks\.",), f"it is a BLIP; {_READ}"),
    ((r"\btext_decoder\.",), f"it is a CoCa; {_READ}"),
    ((r"^text\.transformer\.(embeddings|encoder|roberta|bert)\b",),
     f"it is a CLIP whose text tower is a language model of transformers; {_READ}"),
    ((r"\bdecode_head\.|\bpixel_level_module\.",), f"it is a segmentation network that reads no words; {_READ}"),
    ((r"\b(cls_token|mask_token)$", r"\b(blocks|layer|layers)\.\d+\."),
     f"it is a vision transformer that reads no words (DINO, MAE and the like); {_READ}"),
    ((r"^layer[1-4]\.\d|^features\.\d|^stages\.\d", r"^(fc|classifier|head)\."),
     f"it is an image classifier that reads no words; {_READ}"),
)  # fmt: skip


def describe_other_kind(names: Iterable[str]) -> str | None:
    """A sentence about a checkpoint of a kind that cannot be converted, with what to do; None for an unknown kind."""
    every = list(names)
    for patterns, message in _OTHERS:
        if all(any(re.search(pattern, name) for name in every) for pattern in patterns):
            return message
    return None
