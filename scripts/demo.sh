#!/usr/bin/env bash
# The three jobs of one model on real text: similarity of sentences, a gap filled in a story, a continuation.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

model=$(scripts/fetch-model.sh)
magnet=${MAGNET_BIN:-build/bin}/magnet
with=(--model "$model" --adapter adapters/SmolLM2-135M-Instruct.magnet.gguf)

echo "MAGNET demo · $("$magnet" --version | head -1) · $(basename "$model" .gguf) + MAGNET adapter"
echo
echo "Embed: cosine of sentence vectors"
"$magnet" embed "${with[@]}" --similarity \
    "A man is playing a guitar." "Someone plays music." "The stock market fell."
echo
echo "Infill: the gap, seen from both sides"
fill() { # LEFT GAP RIGHT: the filling in brackets
    printf '%s[%s]%s\n' "$1" "$("$magnet" infill "${with[@]}" "$1$2$3")" "$3"
}
fill "The dog was thirsty. " "{{gap}}" " Then its bowl was empty."
fill "It was raining, so Anna took her " "{{gap:1}}" " with her and stayed dry."
echo
echo "Generate"
printf 'Once upon a time'
"$magnet" generate "${with[@]}" --max-tokens 48 --temperature 0 "Once upon a time"
echo
