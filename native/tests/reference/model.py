"""What the reference scripts share: models out of GGUF files, the attention rule, and how arrays are stored.

Conventions, the same in every golden file:

* Roles are the integers of native/src/magnet-mask.h: SPAN 0, CONTEXT 1, ORDERED 2.
* A query q sees a key k when k is CONTEXT; or k is ORDERED and (q is SPAN or pos(k) <= pos(q)); or k is SPAN, q is
  SPAN and pos(k) <= pos(q). Layers with a sliding window w hide, on top of that, keys with pos(q) - pos(k) >= w.
* Positions are explicit: they drive the rotary (or learned) position embedding and the rule, never the order of tokens.
* Hidden states are those after the final norm, the input of the output head.
* The output at one token predicts the token that follows it in the text.

The golden files are computed in float32 with eager attention. Shapes: T tokens, D width, V vocabulary.
"""
import base64
import json
import os

import numpy as np
import torch
from gguf import MODEL_ARCH, GGUFReader, dequantize, get_tensor_name_map
from transformers import AutoModelForCausalLM, GgufConfig, Olmo2Config, Olmo2ForCausalLM

from make_tiny import LLAMA3_ROPE

SPAN, CONTEXT, ORDERED = 0, 1, 2


def metadata(path):
    """GGUF metadata of the file: name -> value."""
    return {name: field.contents() for name, field in GGUFReader(path).fields.items() if not name.startswith("GGUF.")}


def load(path, attention="eager", dtype=torch.float32):
    """The model of a GGUF file, its weights dequantised, ready for evaluation.

    The loader of transformers does not read every hyperparameter; those it would silently replace by a default of the
    architecture are passed on here.
    """
    meta = metadata(path)
    arch = meta["general.architecture"]
    if arch == "olmo2":
        return load_by_names(path, meta, attention, dtype)
    fields = {
        "qwen3": {"attention.key_length": ["head_dim"]},
        "gemma2": {
            "attention.key_length": ["head_dim", "query_pre_attn_scalar"],
            "attn_logit_softcapping": ["attn_logit_softcapping"],
            "final_logit_softcapping": ["final_logit_softcapping"],
        },
        "gemma3": {
            "attention.key_length": ["head_dim", "query_pre_attn_scalar"],
            "attention.sliding_window": ["sliding_window"],
        },
        "gpt2": {"context_length": ["n_positions"], "feed_forward_length": ["n_inner"]},
    }.get(arch, {})
    config = {name: meta[f"{arch}.{key}"] for key, names in fields.items() if f"{arch}.{key}" in meta for name in names}
    if f"{arch}.attention.sliding_window_pattern" in meta:
        every = meta[f"{arch}.attention.sliding_window_pattern"]
        config["layer_types"] = [
            "sliding_attention" if (layer + 1) % every else "full_attention" for layer in range(meta[f"{arch}.block_count"])
        ]
    if any(tensor.name == "rope_freqs.weight" for tensor in GGUFReader(path).tensors):
        config["rope_parameters"] = LLAMA3_ROPE
    folder, name = os.path.split(os.path.abspath(path))
    model = AutoModelForCausalLM.from_pretrained(
        folder,
        gguf_file=name,
        quantization_config=GgufConfig(dequantize=True),
        dtype=dtype,
        attn_implementation=attention,
        **config,
    )
    return model.eval()


def load_by_names(path, meta, attention, dtype):
    """A model whose files the loader of transformers does not know: each parameter is the tensor that gguf names it by."""
    values = {key.split(".", 1)[1]: value for key, value in meta.items() if "." in key}
    config = Olmo2Config(
        vocab_size=values["vocab_size"],
        hidden_size=values["embedding_length"],
        intermediate_size=values["feed_forward_length"],
        num_hidden_layers=values["block_count"],
        num_attention_heads=values["attention.head_count"],
        num_key_value_heads=values["attention.head_count_kv"],
        max_position_embeddings=values["context_length"],
        rms_norm_eps=values["attention.layer_norm_rms_epsilon"],
        rope_parameters={"rope_type": "default", "rope_theta": values["rope.freq_base"]},
        tie_word_embeddings=False,
        attn_implementation=attention,
    )
    model = Olmo2ForCausalLM(config).to(dtype)
    names = get_tensor_name_map(MODEL_ARCH.OLMO2, config.num_hidden_layers)
    tensors = {t.name: dequantize(t.data, t.tensor_type) for t in GGUFReader(path).tensors}
    model.load_state_dict(
        {key: torch.tensor(tensors[names.get_name(key, (".weight",))]) for key in model.state_dict()}, strict=True
    )
    return model.eval()


def allowed(roles, positions, window=None):
    """Who sees whom: bool (..., T,T), queries by keys. roles, positions: int (..., T)."""
    roles, positions = torch.as_tensor(roles), torch.as_tensor(positions)
    role_q, role_k = roles[..., :, None], roles[..., None, :]
    ahead = positions[..., :, None] - positions[..., None, :]  # pos(q) - pos(k)
    seen = (role_k == CONTEXT) | ((role_q == SPAN) & (role_k == ORDERED)) | ((role_k == ORDERED) & (ahead >= 0))
    seen |= (role_k == SPAN) & (role_q == SPAN) & (ahead >= 0)
    return seen if window is None else seen & (ahead < window)


def additive(seen):
    """bool (..., T,T) -> float32 mask (..., 1,T,T) to add to attention scores."""
    return torch.where(seen, 0.0, torch.finfo(torch.float32).min).unsqueeze(-3)


def attention_mask(config, roles, positions):
    """The mask of one row, (1,1,T,T), as the model takes it: one for each kind of layer where some have a window."""
    full = additive(allowed(roles, positions))[None]
    if "sliding_attention" not in (getattr(config, "layer_types", None) or []):
        return full
    local = additive(allowed(roles, positions, config.sliding_window))[None]
    return {"full_attention": full, "sliding_attention": local}


def hidden(model, tokens, roles, positions):
    """Hidden states after the final norm, float32 (T,D), of one row. tokens, roles, positions: T integers each."""
    return model.base_model(
        input_ids=torch.tensor([tokens]),
        attention_mask=attention_mask(model.config, roles, positions),
        position_ids=torch.tensor([positions]),
        use_cache=False,
    ).last_hidden_state[0]


def logits(model, states):
    """Output head on hidden states: (...,D) -> (...,V)."""
    out = model.lm_head(states)
    cap = getattr(model.config, "final_logit_softcapping", None)
    return out if cap is None else torch.tanh(out / cap) * cap


def pack(array):
    """A float array as JSON: its shape, and base64 of its values as little-endian float32 in C order."""
    array = array.detach().numpy() if isinstance(array, torch.Tensor) else np.asarray(array)
    data = np.ascontiguousarray(array, dtype="<f4").tobytes()
    return {"shape": list(array.shape), "f32": base64.b64encode(data).decode()}


def write(path, value):
    """JSON to a file, one case a line where the value holds a list of cases, so that a diff shows what changed."""
    with open(path, "w", encoding="utf-8", newline="\n") as out:
        out.write("{\n")
        for i, (key, item) in enumerate(value.items()):
            out.write(",\n" if i else "")
            if isinstance(item, list) and item and isinstance(item[0], dict):
                rows = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in item)
                out.write(f" {json.dumps(key)}: [\n{rows}\n ]")
            else:
                out.write(f" {json.dumps(key)}: {json.dumps(item, ensure_ascii=False)}")
        out.write("\n}\n")
