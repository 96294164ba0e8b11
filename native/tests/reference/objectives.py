"""The three training losses on hidden states, and LoRA on a model whose weights came out of a GGUF file.

Shapes: T tokens, D width, P pairs.
"""
import torch
import torch.nn.functional as F

from model import hidden, logits

# Base matrices of a block: GGUF name -> module of transformers.
TARGETS = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def gguf_rows(model, name):
    """Row of the GGUF matrix that each row of transformers' matrix is.

    GGUF files of the llama architecture keep the two coordinates that RoPE turns side by side, transformers keeps them
    half a head apart; the other architectures agree.
    """
    config = model.config
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}.get(name)
    rows = model.get_submodule(f"model.layers.0.{TARGETS[name]}").weight.shape[0]
    if heads is None or config.model_type != "llama":
        return torch.arange(rows)
    return torch.arange(rows).view(heads, -1, 2).transpose(1, 2).reshape(-1)


class Lora:
    """W x becomes W x + scale * B (A x), for every target of every block; A (rank, n_in), B (n_out, rank).

    Both are kept in the row order of the GGUF file and start from random values, neither from zero, so that both have a
    gradient.
    """

    def __init__(self, model, rank, alpha, seed):
        random = torch.Generator().manual_seed(seed)
        self.scale = alpha / rank
        self.a, self.b = {}, {}  # GGUF tensor name of the base matrix -> parameter
        for block, layer in enumerate(model.model.layers):
            for target, module_name in TARGETS.items():
                module = layer.get_submodule(module_name)
                name = f"blk.{block}.{target}.weight"
                n_out, n_in = module.weight.shape
                self.a[name] = torch.nn.Parameter(torch.randn(rank, n_in, generator=random) / n_in**0.5)
                self.b[name] = torch.nn.Parameter(torch.randn(n_out, rank, generator=random) * 0.1)
                module.register_forward_hook(self._hook(name, gguf_rows(model, target)))

    def _hook(self, name, rows):
        def add(module, inputs, output):
            return output + self.scale * F.linear(F.linear(inputs[0], self.a[name]), self.b[name][rows])

        return add

    @property
    def parameters(self):
        return [*self.a.values(), *self.b.values()]


def token_losses(model, rows):
    """(MNTP, MSG): cross-entropy, each the mean over its predicted tokens of all rows. One forward pass serves both.

    rows: dicts with tokens, roles, positions, mntp and msg, T integers each. mntp[i] and msg[i] are the token that the
    output at i has to predict, -1 for none. An objective without any label is None.
    """
    states = torch.cat([hidden(model, row["tokens"], row["roles"], row["positions"]) for row in rows])
    losses = []
    for objective in ("mntp", "msg"):
        labels = torch.tensor([label for row in rows for label in row[objective]])
        picked = labels >= 0
        losses.append(F.cross_entropy(logits(model, states[picked]), labels[picked]) if picked.any() else None)
    return tuple(losses)


def embed(model, row, pooling):
    """Unit vector (D): the output at the row's last token, or the mean of those in row["sentence"] = [begin, end)."""
    n = len(row["tokens"])
    states = hidden(model, row["tokens"], row["roles"], row["positions"])
    begin, end = row["sentence"] if pooling == "mean" else (n - 1, n)
    return F.normalize(states[begin:end].mean(0), dim=0)


def contrastive_loss(model, pairs):
    """SSCL: InfoNCE over P anchors a, positives p and, where there are some, hard negatives n.

    Forward: cross-entropy of cos(a_i, [p_1 .. p_P, n_1 .. n_P]) / temperature, the right answer being p_i.
    Symmetric: the mean of that and of the cross-entropy of cos(p_i, [a_1 .. a_P]) / temperature, the answer being a_i.
    """
    a, p, n = (
        torch.stack([embed(model, row, pairs["pooling"]) for row in side]) if (side := pairs[name]) else torch.empty(0)
        for name in ("anchors", "positives", "negatives")
    )
    answer = torch.arange(len(a))
    candidates = torch.cat([p, n]) if len(n) else p
    forward = F.cross_entropy(a @ candidates.T / pairs["temperature"], answer)
    if not pairs["symmetric"]:
        return forward
    return (forward + F.cross_entropy(p @ a.T / pairs["temperature"], answer)) / 2
