"""Writes tiny random GGUF models, one an architecture, for tests: tiny-<architecture>.gguf in the given folder.

    python make_tiny.py ../golden

Two layers, width 32, float32 weights from a fixed seed, scaled so that attention matters: a wrong mask shows. Each
carries a vocabulary in which every byte is a token, so that any text can be tokenised.
Weights are drawn straight in GGUF's own layout; there is no other format behind them.
"""
import sys

import gguf
import numpy as np

LAYERS, WIDTH, FFN, HEADS, KV_HEADS, VOCAB, CONTEXT = 2, 32, 64, 4, 2, 264, 256
ARCHITECTURES = ("llama", "qwen2", "qwen3", "gemma2", "phi3", "gpt2", "gemma3", "olmo2", "llama3")
# Llama 3's rotary embedding, as the config.json of its models gives it; files of the architecture "llama" hold factors.
LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 100.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}


def byte_tokens():
    """The 256 bytes as the printable characters that GPT-2's tokeniser writes them with."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    other = iter(range(256, 512))
    return [chr(b) if b in plain else chr(next(other)) for b in range(256)]


def bpe_vocabulary(writer, name):
    """Four control tokens, 256 bytes, four merges: 264 tokens, no BOS added."""
    control = ["<|begin|>", "<|end|>", "<|mask|>", "<|pad|>"]
    merges = ["h e", "t he", "Ġ the", "i n"]
    tokens = control + byte_tokens() + [merge.replace(" ", "") for merge in merges]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(name)
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL] * 4 + [gguf.TokenType.NORMAL] * (VOCAB - 4))
    writer.add_token_merges(merges)
    for add, token in ((writer.add_bos_token_id, 0), (writer.add_eos_token_id, 1), (writer.add_mask_token_id, 2)):
        add(token)
    writer.add_pad_token_id(3)
    writer.add_add_bos_token(False)


def sentencepiece_vocabulary(writer):
    """<unk>, <s>, </s>, 256 byte tokens, five pieces: 264 tokens, BOS added."""
    pieces = ["▁", "t", "h", "e", "▁the"]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)] + pieces)
    writer.add_token_scores([0.0] * 259 + [-float(i) for i in range(1, 6)])
    types = [gguf.TokenType.UNKNOWN] + [gguf.TokenType.CONTROL] * 2
    writer.add_token_types(types + [gguf.TokenType.BYTE] * 256 + [gguf.TokenType.NORMAL] * 5)
    for add, token in ((writer.add_unk_token_id, 0), (writer.add_bos_token_id, 1), (writer.add_eos_token_id, 2)):
        add(token)
    writer.add_add_bos_token(True)


def llama3_factors(head_dim):
    """What the frequencies are divided by: 1 where the context of pretraining has four turns and more, 8 where it has less
    than one, and in between by a straight line through their inverses."""
    rope = LLAMA3_ROPE
    turns = rope["original_max_position_embeddings"] / (2 * np.pi * rope["rope_theta"] ** (np.arange(0, head_dim, 2) / head_dim))
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    share = np.clip((turns - low) / (high - low), 0, 1)
    return 1 / (share + (1 - share) / rope["factor"])


class Tiny:
    """One GGUF file in the making."""

    def __init__(self, path, name):
        self.name = name
        self.arch = arch = "llama" if name == "llama3" else name
        self.random = np.random.default_rng(ARCHITECTURES.index(name) + 1)
        self.writer = gguf.GGUFWriter(path, arch)
        self.head_dim = 16 if arch == "qwen3" else 8  # qwen3's heads are commonly wider than D / heads
        self.kv_heads = HEADS if arch == "gpt2" else KV_HEADS

    def weight(self, name, rows, columns, gain=1.0):
        """Matrix (rows, columns): a product with a vector of unit entries has entries of size gain."""
        self.add(f"{name}.weight", self.random.standard_normal((rows, columns)) * gain / np.sqrt(columns))

    def norm(self, name, size=WIDTH):
        self.add(f"{name}.weight", 1 + 0.2 * self.random.standard_normal(size))

    def bias(self, name, size):
        self.add(f"{name}.bias", 0.3 * self.random.standard_normal(size))

    def add(self, name, values):
        self.writer.add_tensor(name, values.astype(np.float32))

    def write(self):
        self.metadata()
        if self.arch == "llama":
            sentencepiece_vocabulary(self.writer)
        else:
            bpe_vocabulary(self.writer, "qwen2" if self.arch.startswith("qwen") else "gpt-2")
        self.weights()
        self.writer.write_header_to_file()
        self.writer.write_kv_data_to_file()
        self.writer.write_tensors_to_file()
        self.writer.close()

    def metadata(self):
        w = self.writer
        w.add_name("tiny")  # llama.cpp expects certain tokens of models called phi3
        w.add_file_type(gguf.LlamaFileType.ALL_F32)
        w.add_context_length(CONTEXT)
        w.add_embedding_length(WIDTH)
        w.add_block_count(LAYERS)
        w.add_feed_forward_length(FFN)
        w.add_head_count(HEADS)
        w.add_head_count_kv(self.kv_heads)
        w.add_vocab_size(VOCAB)
        if self.arch == "gpt2":
            w.add_layer_norm_eps(1e-5)
            return
        w.add_layer_norm_rms_eps(1e-6)
        w.add_rope_freq_base({"gemma3": 1e6, "llama3": LLAMA3_ROPE["rope_theta"]}.get(self.name, 10000.0))
        w.add_rope_dimension_count(self.head_dim)
        w.add_key_length(self.head_dim)
        w.add_value_length(self.head_dim)
        if self.arch == "phi3":
            w.add_rope_scaling_orig_ctx_len(CONTEXT)
        if self.arch == "gemma2":
            w.add_attn_logit_softcapping(5.0)
            w.add_final_logit_softcapping(4.0)
            w.add_sliding_window(8)
        if self.arch == "gemma3":  # its first layer is local, with a rotary base of 10000
            w.add_sliding_window(8)
            w.add_sliding_window_pattern(2)

    def weights(self):
        self.add("token_embd.weight", 0.35 * self.random.standard_normal((VOCAB, WIDTH)))
        if self.arch == "gpt2":
            self.add("position_embd.weight", 0.35 * self.random.standard_normal((CONTEXT, WIDTH)))
        for layer in range(LAYERS):
            self.attention(f"blk.{layer}")
            self.feed_forward(f"blk.{layer}")
        self.norm("output_norm")
        if self.arch == "gpt2":
            self.bias("output_norm", WIDTH)
        if self.arch in ("llama", "olmo2"):
            self.weight("output", VOCAB, WIDTH, 2.0)
        if self.name == "llama3":
            self.add("rope_freqs.weight", llama3_factors(self.head_dim))

    def attention(self, block):
        q, kv = HEADS * self.head_dim, self.kv_heads * self.head_dim
        if self.arch != "olmo2":
            self.norm(f"{block}.attn_norm")
        if self.arch in ("phi3", "gpt2"):
            self.weight(f"{block}.attn_qkv", q + 2 * kv, WIDTH, 1.5)
        else:
            for name, rows, gain in (("q", q, 1.5), ("k", kv, 1.5), ("v", kv, 1.0)):
                self.weight(f"{block}.attn_{name}", rows, WIDTH, gain)
                if self.arch == "qwen2":
                    self.bias(f"{block}.attn_{name}", rows)
        if self.arch in ("qwen3", "gemma3"):
            self.norm(f"{block}.attn_q_norm", self.head_dim)
            self.norm(f"{block}.attn_k_norm", self.head_dim)
        if self.arch == "olmo2":
            self.norm(f"{block}.attn_q_norm", q)
            self.norm(f"{block}.attn_k_norm", kv)
        self.weight(f"{block}.attn_output", WIDTH, q, 1.5)
        if self.arch in ("gemma2", "gemma3", "olmo2"):
            self.norm(f"{block}.post_attention_norm")
        if self.arch == "gpt2":
            self.bias(f"{block}.attn_norm", WIDTH)
            self.bias(f"{block}.attn_qkv", q + 2 * kv)
            self.bias(f"{block}.attn_output", WIDTH)

    def feed_forward(self, block):
        if self.arch != "olmo2":
            self.norm(f"{block}.ffn_norm")
        if self.arch == "phi3":
            self.weight(f"{block}.ffn_up", 2 * FFN, WIDTH)
        else:
            if self.arch != "gpt2":
                self.weight(f"{block}.ffn_gate", FFN, WIDTH)
            self.weight(f"{block}.ffn_up", FFN, WIDTH)
        self.weight(f"{block}.ffn_down", WIDTH, FFN, 1.5)
        if self.arch in ("gemma2", "gemma3", "olmo2"):
            self.norm(f"{block}.post_ffw_norm")
        if self.arch == "gpt2":
            self.bias(f"{block}.ffn_norm", WIDTH)
            self.bias(f"{block}.ffn_up", FFN)
            self.bias(f"{block}.ffn_down", WIDTH)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for name in ARCHITECTURES:
        Tiny(f"{sys.argv[1]}/tiny-{name}.gguf", name).write()
