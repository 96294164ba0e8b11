"""Golden numbers of the default model: token vectors, pooled vectors and infill log-probabilities.

    python golden_inference.py SmolLM2-135M-Instruct.Q4_1.gguf ../golden   # writes default-*.json

The conventions are those of model.py, the fields those of README.md. Embedding input is
[prefix] + sentence + [EOS], the three tokenised apart; last is the output at EOS, mean the mean over the outputs at the
sentence's own tokens. Infill is teacher-forced: the whole text goes in once, gaps filled with the true tokens.
"""
import os
import sys

import torch
from transformers import AutoTokenizer

from model import CONTEXT, SPAN, hidden, load, logits, pack, write
from template import fill
from texts import SENTENCES, STORIES

PREFIX = "Given the sentence, find its representation: "
PROJECTIONS = 8
ATTENTION = {"bidirectional": CONTEXT, "causal": SPAN}


def embedding(model, sentence, prefix, eos, mode, projection):
    tokens = prefix + sentence + [eos]
    states = hidden(model, tokens, [ATTENTION[mode]] * len(tokens), list(range(len(tokens))))
    return {
        "attention": mode,
        "prefix": bool(prefix),
        "last": pack(states[-1]),
        "mean": pack(states[len(prefix) : -1].mean(0)),
        "projected": pack(states @ projection),
    }


def embeddings(model, tokenizer):
    projection = torch.randn(model.config.hidden_size, PROJECTIONS, generator=torch.Generator().manual_seed(1))
    projection /= model.config.hidden_size**0.5
    prefix = tokenizer(PREFIX, add_special_tokens=False).input_ids
    cases = []
    for text in SENTENCES:
        sentence = tokenizer(text, add_special_tokens=False).input_ids
        runs = [
            embedding(model, sentence, with_prefix, tokenizer.eos_token_id, mode, projection)
            for mode in ATTENTION
            for with_prefix in ([], prefix)
        ]
        cases.append({"text": text, "tokens": sentence, "runs": runs})
    return {
        "prefix": PREFIX,
        "prefix_tokens": prefix,
        "eos": tokenizer.eos_token_id,
        "projection": pack(projection),
        "cases": cases,
    }


def log_probabilities(model, row):
    """Natural logarithm of the probability of each gap token, in reading order."""
    states = hidden(model, row.tokens, row.roles, row.positions)
    before = torch.tensor(row.predicted) - 1
    chosen = torch.tensor(row.tokens)[row.predicted]
    return logits(model, states[before]).log_softmax(-1).gather(1, chosen[:, None])[:, 0]


def infill(model, tokenizer):
    cases = []
    for number, parts in enumerate(STORIES):
        tokens = [tokenizer(part, add_special_tokens=False).input_ids for part in parts]
        gaps = len(parts) // 2
        slacks = [None] if number not in (1, 6) else [None, [5, 11][:gaps]]
        runs = []
        for mode in ("causal", "hybrid", "ordered"):
            for slack in slacks if mode != "causal" else [None]:
                row = fill(tokens, mode, slack)
                values = [round(x, 6) for x in log_probabilities(model, row).tolist()]
                run = {"mask": mode, "slack": slack or [0] * gaps, "roles": row.roles, "positions": row.positions}
                runs.append({**run, "log_probabilities": values})
        cases.append({"parts": parts, "tokens": tokens, "runs": runs})
    return {"cases": cases}


def summary(stories):
    """What the figures say, so that whoever re-runs this sees at once whether they make sense."""
    for mode in ("causal", "hybrid", "ordered"):
        values = [
            x
            for case in stories["cases"]
            for run in case["runs"]
            if run["mask"] == mode and not any(run["slack"])
            for x in run["log_probabilities"]
        ]
        print(f"infill perplexity, {mode}: {torch.tensor(values).mean().neg().exp():.2f} over {len(values)} tokens")


@torch.no_grad()
def main(path, folder):
    torch.set_num_threads(1)
    model = load(path)
    where, name = os.path.split(os.path.abspath(path))
    tokenizer = AutoTokenizer.from_pretrained(where, gguf_file=name)
    write(f"{folder}/default-embedding.json", {"model": name, **embeddings(model, tokenizer)})
    stories = infill(model, tokenizer)
    write(f"{folder}/default-infill.json", {"model": name, **stories})
    summary(stories)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
