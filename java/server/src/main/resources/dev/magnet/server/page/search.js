// Ranks the text's paragraphs by meaning against a question.

import {post} from "./api.js";
import {paragraphs} from "./paragraphs.js";

const MOST = 6;

export class Search {
  #sheet;
  #fail;
  #found = document.getElementById("found");
  #vectors = new Map(); // by text

  constructor(sheet, say, fail) {
    this.#sheet = sheet;
    this.#fail = fail;
    const question = document.getElementById("question");
    document.getElementById("search").addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        const count = await this.#find(question.value);
        say(count === 0 ? "There is no paragraph to search." : `The ${count} nearest paragraphs are listed.`);
      } catch (failure) {
        this.#fail(failure);
      }
    });
  }

  async #find(question) {
    const all = paragraphs(this.#sheet.value);
    const texts = [...new Set([question, ...all.map((each) => each.text)])];
    const unknown = texts.filter((each) => !this.#vectors.has(each) && each.trim() !== "");
    for (let i = 0; i < unknown.length; i += 256) {
      const some = unknown.slice(i, i + 256);
      const answer = await post("/magnet/embed", {input: some, truncate: "head"});
      some.forEach((each, k) => this.#vectors.set(each, answer.data[k].vector));
    }
    const wanted = this.#vectors.get(question);
    const ranked = wanted === undefined ? [] : all
      .map((each) => ({...each, cosine: dot(wanted, this.#vectors.get(each.text))}))
      .sort((a, b) => b.cosine - a.cosine)
      .slice(0, MOST);
    this.#found.replaceChildren(...ranked.map((each) => this.#entry(each)));
    return ranked.length;
  }

  #entry({text, start, end, cosine}) {
    const button = document.createElement("button");
    button.type = "button";
    const meter = document.createElement("meter");
    meter.value = Math.max(0, cosine);
    meter.setAttribute("aria-label", "cosine");
    const excerpt = document.createElement("span");
    excerpt.className = "excerpt";
    excerpt.textContent = text;
    button.append(meter, " " + cosine.toFixed(2) + " ", excerpt);
    button.addEventListener("click", () => this.#sheet.select(start, end));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }
}

function dot(a, b) {
  return a.reduce((sum, x, i) => sum + x * b[i], 0);
}
