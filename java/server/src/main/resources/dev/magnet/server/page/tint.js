// Tints words that the model finds unlikely behind what its paragraph says before them.

import {post} from "./api.js";
import {paragraphs} from "./paragraphs.js";

const LEVELS = [Math.log(0.01), Math.log(0.001), Math.log(0.0001)]; // of the probability of a word
const LONGEST = 4000; // characters of a paragraph

export class Tint {
  #sheet;
  #say;
  #fail;
  #known = new Map(); // from a paragraph's text to its unlikely words
  #words = [];
  #timer = 0;
  #on = false;

  constructor(sheet, say, fail) {
    this.#sheet = sheet;
    this.#say = say;
    this.#fail = fail;
    sheet.text.addEventListener("input", () => {
      this.#words = [];
      clearTimeout(this.#timer);
      if (this.#on) this.#timer = setTimeout(() => this.#update(), 700);
    });
  }

  /** Tints, or stops doing so. */
  turn(on) {
    this.#on = on;
    this.#words = [];
    this.#sheet.mark([]);
    return on ? this.#update() : undefined;
  }

  /** The unlikely word at an offset, if there is one. */
  wordAt(offset) {
    return this.#words.find((word) => word.start <= offset && offset <= word.end);
  }

  /** The first unlikely word behind an offset; from the top, if there is none. */
  next(offset) {
    return this.#words.find((word) => word.start >= offset) ?? this.#words[0];
  }

  async #update() {
    const text = this.#sheet.value;
    const all = paragraphs(text);
    const unknown = [...new Set(all.map((each) => each.text))].filter((each) => !this.#known.has(each)).slice(0, 100);
    try {
      if (unknown.length > 0) {
        this.#say("Reading …");
        const answer = await post("/magnet/score", {items: unknown.map((each) => ({parts: [{filled: each.slice(0, LONGEST)}]}))});
        unknown.forEach((each, i) => this.#known.set(each, unlikely(each, answer.items[i].gaps[0].tokens)));
      }
    } catch (failure) {
      this.#fail(failure);
      return;
    }
    if (!this.#on || this.#sheet.value !== text) return; // typed on meanwhile
    this.#words = all.flatMap(({text: paragraph, start}) => (this.#known.get(paragraph) ?? [])
      .map((word) => ({...word, start: start + word.start, end: start + word.end})));
    this.#sheet.mark(this.#words);
    this.#say(`${this.#words.length} unlikely words are tinted. Click one, or select it and press Ctrl+Enter, to see others.`);
  }
}

/** The words of a paragraph whose tokens together are unlikely. */
function unlikely(paragraph, tokens) {
  const sums = new Float64Array(paragraph.length + 1); // by the offset at which a token begins
  let offset = 0;
  for (const token of tokens) {
    sums[Math.min(offset + (/^\s/.test(token.text) ? 1 : 0), paragraph.length)] += token.logprob ?? 0;
    offset += token.text.length;
  }
  const words = [];
  for (const match of paragraph.matchAll(/[\p{L}\p{N}][\p{L}\p{N}'’-]*/gu)) {
    const start = match.index;
    const end = start + match[0].length;
    const logprob = sums.slice(start, end).reduce((a, b) => a + b, 0);
    const level = LEVELS.filter((limit) => logprob < limit).length;
    if (level > 0 && start > 0) words.push({start, end, className: "tint-" + level});
  }
  return words;
}
