// A picture of who sees whom around the gap at the cursor.

import {post} from "./api.js";

const CHARACTERS = 30; // of the text on either side
const OPEN = 3; // places of an open gap in the picture
const CELL = 10;
const LABEL = 62;
const SVG = "http://www.w3.org/2000/svg";

export class Mask {
  #sheet;
  #settings;
  #fail;
  #fold = document.getElementById("mask-fold");
  #picture = document.getElementById("mask");
  #timer = 0;

  constructor(sheet, settings, fail) {
    this.#sheet = sheet;
    this.#settings = settings;
    this.#fail = fail;
    this.#fold.addEventListener("toggle", () => this.soon());
    document.addEventListener("selectionchange", () => document.activeElement === sheet.text && this.soon());
  }

  /** Draws it anew when typing pauses, if it is to be seen. */
  soon() {
    clearTimeout(this.#timer);
    if (this.#fold.open) this.#timer = setTimeout(() => this.#update(), 300);
  }

  async #update() {
    const {start, end} = this.#sheet.gap;
    const {left, right} = this.#sheet.around({start, end}, CHARACTERS);
    const {length, context} = this.#settings();
    try {
      const mask = await post("/magnet/mask", {
        parts: [{text: left.slice(-CHARACTERS)}, {gap: length || OPEN}, {text: right}], context,
      });
      this.#picture.replaceChildren(draw(mask));
    } catch (failure) {
      this.#fail(failure);
    }
  }
}

function draw({slots, sees}) {
  const size = slots.length * CELL;
  const svg = element("svg", {viewBox: `0 0 ${LABEL + size} ${size}`, role: "img"});
  const gaps = slots.filter((slot) => slot.token === null).length;
  svg.setAttribute("aria-label", `${slots.length} tokens, ${gaps} of them in the gap. ` + slots
    .map((slot, i) => `${slot.text.trim() || "gap"} (${slot.role}) sees ${[...sees[i]].filter((c) => c === "1").length}`).join("; "));
  slots.forEach((slot, row) => {
    const label = element("text", {x: LABEL - 4, y: row * CELL + CELL - 2, "text-anchor": "end"});
    label.textContent = slot.token === null ? "▁" : slot.text.trim().slice(0, 10) || "·";
    svg.append(label);
    slots.forEach((key, column) => {
      const kind = sees[row][column] === "0" ? "unseen" : slot.token === null || key.token === null ? "seen gap" : "seen";
      svg.append(element("rect", {
        x: LABEL + column * CELL + .5, y: row * CELL + .5, width: CELL - 1, height: CELL - 1, class: kind,
      }));
    });
  });
  return svg;
}

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
