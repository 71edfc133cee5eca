"""A language model small enough for a test: random, or rigged to say one thing; as a folder and as a GGUF file."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers, trainers
from tokenizers.models import BPE
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from geoglot.tasks.ask.llm import prompt

START, END, WIDTH = "<|im_start|>", "<|im_end|>", 640
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tiny_tokenizer(says: tuple[str, ...] = ()) -> PreTrainedTokenizerFast:
    """Byte-level BPE trained on the prompt; what is to be said is made of tokens of its own."""
    letters = pre_tokenizers.ByteLevel.alphabet()
    made = Tokenizer(BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.train_from_iterator(
        [one.content for one in prompt()],
        trainers.BpeTrainer(vocab_size=600, initial_alphabet=letters, special_tokens=[START, END], show_progress=False),
    )
    made.add_tokens([AddedToken(word, normalized=False) for word in says])
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token=END, chat_template=TEMPLATE)


def tiny_model(
    tokenizer: PreTrainedTokenizerFast, says: tuple[str, ...] = (), context: int = 32_768, tied: bool = False
) -> Qwen2ForCausalLM:
    """Two layers of random weights. Rigged, they only hand each token on, and the head knows what comes after it."""
    config = Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=WIDTH if says else 32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=context, tie_word_embeddings=tied,
        eos_token_id=tokenizer.eos_token_id, bos_token_id=None,
    )  # fmt: skip
    torch.manual_seed(3)
    model = Qwen2ForCausalLM(config).eval()
    if not says:
        for parameter in model.parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=0.3)
        return model
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        model.model.embed_tokens.weight.copy_(torch.eye(len(tokenizer), WIDTH))
        model.lm_head.weight.zero_()
        last = tokenizer("assistant\n")["input_ids"][-1]
        chain = [last, *tokenizer.convert_tokens_to_ids(list(says)), tokenizer.eos_token_id]
        for one, following in pairwise(chain):
            model.lm_head.weight[following, one] = 1
    return model


def write_folder(folder: Path, says: tuple[str, ...] = (), context: int = 32_768, tied: bool = False) -> Path:
    """A Hugging Face folder: weights as safetensors, tokenizer, chat template."""
    tokenizer = tiny_tokenizer(says)
    tiny_model(tokenizer, says, context, tied).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_gguf(path: Path, says: tuple[str, ...] = ()) -> Path:
    """The same model and tokenizer as llama.cpp stores them."""
    from gguf import GGUFWriter

    tokenizer = tiny_tokenizer(says)
    model = tiny_model(tokenizer, says)
    config, tokens = model.config, tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    writer = GGUFWriter(path, "qwen2")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    special = {START: 3, END: 3} | dict.fromkeys(says, 4)
    writer.add_token_types([special.get(token, 1) for token in tokens])
    writer.add_token_merges([" ".join(pair) for pair in _merges(tokenizer)])
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_chat_template(TEMPLATE)
    for name, weight in model.state_dict().items():
        writer.add_tensor(_stored(name), weight.detach().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _merges(tokenizer: PreTrainedTokenizerFast) -> list[list[str]]:
    import json

    return list(json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"])


_PARTS = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output", "model.layers": "blk",
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "post_attention_layernorm": "ffn_norm", "input_layernorm": "attn_norm",
}  # fmt: skip


def _stored(name: str) -> str:
    """The name of a tensor in llama.cpp."""
    for theirs, ours in _PARTS.items():
        name = name.replace(theirs, ours)
    return name
