"""LoRA training in PyTorch + PEFT: the peer of `magnet train`. Prints one line of JSON.

    python torch_train.py model.gguf --precision autocast --steps 8
    python torch_train.py model.gguf --batches batches.jsonl       # exactly these batches

MNTP and MSG share one forward pass, SSCL has its own; the output head runs at predicted positions only; the base
weights are frozen. fp32: everything. autocast: base weights float32, products in bfloat16. bf16: the same with the base
weights kept in bfloat16, which saves converting them in every step. Adapter and optimizer are float32 throughout, and
the adapter starts where bench-train starts it: float32 losses of the two are to agree after several steps too.

ONEDNN_MAX_CPU_ISA (AVX512_CORE, AVX2) and ATEN_CPU_CAPABILITY (avx512, avx2) in the environment hold PyTorch to an
older instruction set; the figures say which were set.
"""
import argparse
import contextlib
import json
import math
import statistics
import time

import numpy as np
import torch
import torch.nn.functional as F
from peft import LoraConfig, get_peft_model

from batches import Batches, add_arguments, tokenizer, vocabulary
from common import circumstances, pad, peak_mb, reset_peak
from model import load

TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="GGUF file")
    parser.add_argument("--precision", choices=("fp32", "autocast", "bf16"), default="autocast")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--steps", type=int, default=8, help="measured steps")
    parser.add_argument("--warm-up", type=int, default=2, help="steps before those")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--full-logits", action="store_true", help="output head at every position")
    parser.add_argument("--batches", help="JSON Lines written by batches.py, repeated as often as needed")
    add_arguments(parser)
    return parser.parse_args()


def hidden(model, rows):
    """Padded batch of rows -> hidden states (B,T,D)."""
    ids, positions, mask = pad(rows)
    base = model.get_base_model().model
    return base(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False).last_hidden_state


def token_losses(model, rows, full_logits):
    """MNTP and MSG of one batch: objective -> loss."""
    states, head = hidden(model, rows), model.get_base_model().lm_head
    logits = head(states) if full_logits else None
    losses = {}
    for objective in ("mntp", "msg"):
        longest = states.shape[1]
        labels = torch.tensor([row[objective] + [-1] * (longest - len(row[objective])) for row in rows])
        if (picked := labels >= 0).any():
            scores = logits[picked] if full_logits else head(states[picked])
            losses[objective] = F.cross_entropy(scores.float(), labels[picked])
    return losses


def contrastive_loss(model, pairs):
    """SSCL with last-token pooling, in-batch negatives, both ways."""
    rows = pairs["anchors"] + pairs["positives"]
    last = torch.tensor([len(row["tokens"]) - 1 for row in rows])
    vectors = F.normalize(hidden(model, rows)[torch.arange(len(rows)), last].float(), dim=-1)
    anchors, positives = vectors.chunk(2)
    similarity = anchors @ positives.T / pairs["temperature"]
    answer = torch.arange(len(anchors))
    return (F.cross_entropy(similarity, answer) + F.cross_entropy(similarity.T, answer)) / 2


def step(model, optimizer, batch, args):
    """One step; returns its losses."""
    products = contextlib.nullcontext() if args.precision == "fp32" else torch.autocast(args.device, dtype=torch.bfloat16)
    with products:
        losses = token_losses(model, batch["rows"], args.full_logits) if batch["rows"] else {}
        if batch["pairs"]:
            losses["sscl"] = contrastive_loss(model, batch["pairs"])
    sum(losses.values()).backward()
    torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.0)
    optimizer.step()
    optimizer.zero_grad()
    return {objective: loss.item() for objective, loss in losses.items()}


def first_a(rank, n_in):
    """A of an adapter, float32 (rank,in) in +-1/sqrt(in): the formula of first_a in bench-train.cpp, to the bit."""
    hashed = np.arange(rank * n_in, dtype=np.uint32)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):  # the finaliser of MurmurHash3
        hashed = (hashed ^ (hashed >> shift)) * np.uint32(factor)
    return ((hashed * 2.0**-31 - 1.0) / math.sqrt(n_in)).astype(np.float32).reshape(rank, n_in)


def adapted(args):
    """The model with a fresh adapter; B is zero."""
    model = load(args.model, attention="sdpa", dtype=torch.bfloat16 if args.precision == "bf16" else torch.float32)
    lora = LoraConfig(r=args.rank, lora_alpha=2 * args.rank, target_modules=TARGETS)
    model = get_peft_model(model, lora)  # the adapter is float32 whatever the base
    for name, value in model.named_parameters():
        if "lora_A" in name:
            value.data.copy_(torch.from_numpy(first_a(*value.shape)))
    return model.train()


def prepare(args):
    """Model with adapter, optimizer, and the batches of all steps."""
    torch.set_num_threads(args.threads)
    model = adapted(args).to(args.device)
    torch.set_default_device(args.device)  # of the batches too
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=5e-4, weight_decay=0.01)
    count = args.warm_up + args.steps
    if args.batches:
        with open(args.batches, encoding="utf-8") as lines:
            given = [json.loads(line) for line in lines]
        return model, optimizer, [given[i % len(given)] for i in range(count)]
    encode = tokenizer(args.model) if args.text or args.pairs_file else None
    return model, optimizer, [batch for _, batch in zip(range(count), Batches(args, vocabulary(args.model), encode))]


def tokens(batch):
    """Tokens that go through the model, without padding."""
    sides = batch["pairs"] or {"anchors": [], "positives": []}
    return sum(len(row["tokens"]) for row in batch["rows"] + sides["anchors"] + sides["positives"])


def main():
    args = arguments()
    model, optimizer, batches = prepare(args)
    reset_peak()
    seconds, losses = [], []
    for number, batch in enumerate(batches):
        if number == args.warm_up:
            cpu = time.process_time()
        start = time.perf_counter()
        losses.append(step(model, optimizer, batch, args))
        seconds.append(time.perf_counter() - start)
    cpu = time.process_time() - cpu
    measured = list(zip(batches, seconds))[args.warm_up :]
    rates = [tokens(batch) / spent for batch, spent in measured]
    settings = ("precision", "rank", "rows", "length", "pairs", "sentence", "lm", "ordered", "full_logits")
    result = {
        "peer": "pytorch + peft",
        **({"batches": args.batches} if args.batches else {}),
        **({"device": torch.cuda.get_device_name(), "device_mb": round(torch.cuda.max_memory_allocated() / 1e6)}
           if args.device == "cuda" else {}),
        **{name: getattr(args, name) for name in settings},
        "steps": len(measured),
        "tokens_per_step": round(statistics.mean(tokens(batch) for batch, _ in measured)),
        "tokens_per_s": round(sum(tokens(batch) for batch, _ in measured) / sum(s for _, s in measured), 1),
        "tokens_per_s_median": round(statistics.median(rates), 1),
        "tokens_per_s_best": round(max(rates), 1),
        "tokens_per_cpu_s": round(sum(tokens(batch) for batch, _ in measured) / cpu, 1),
        "peak_rss_mb": round(peak_mb()),
        "first_losses": losses[0],
        "last_losses": losses[-1],
        **circumstances(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
