// Fillings of a gap: asked for, shown in place, chosen by keys, taken or left.

import {stream} from "./api.js";

const AROUND = 4000; // characters right of a gap, and twice as many left of it

export class Fill {
  #sheet;
  #settings;
  #say;
  #fail;
  #list = document.getElementById("list");
  #asking = null; // of the request that runs
  #gap = null; // while there is something to choose from
  #fillings = [];
  #chosen = 0;

  /** say and fail show a message; settings() are those of the page. */
  constructor(sheet, settings, say, fail) {
    this.#sheet = sheet;
    this.#settings = settings;
    this.#say = say;
    this.#fail = fail;
    sheet.text.addEventListener("keydown", (event) => this.#key(event));
    sheet.text.addEventListener("blur", () => setTimeout(() => document.activeElement !== sheet.text && this.leave(), 200));
    this.#list.addEventListener("mousedown", (event) => event.preventDefault()); // the text keeps the focus
    this.#list.addEventListener("click", (event) => {
      const option = event.target.closest("li");
      if (option) {
        this.#choose([...this.#list.children].indexOf(option));
        this.#take();
      }
    });
  }

  /** Asks for what could stand in the gap at the cursor. */
  async start() {
    this.leave();
    const asking = new AbortController();
    this.#asking = asking;
    this.#sheet.text.focus({preventScroll: true});
    const gap = this.#sheet.gap;
    const {left, right} = this.#sheet.around(gap, AROUND);
    const {length, context, temperature, candidates} = this.#settings();
    this.#say("Asking for fillings …");
    try {
      const body = {
        parts: [{text: left}, {gap: length}, {text: right}], context, temperature, candidates,
      };
      const before = this.#sheet.value.slice(gap.start, gap.end);
      for await (const event of stream("/magnet/infill", body, asking.signal)) {
        if (event.candidate) this.#offer(gap, event.candidate.gaps[0].text, before);
      }
      if (this.#fillings.length === 0) this.#say("The model finds nothing else for this place.");
    } catch (failure) {
      if (!asking.signal.aborted) {
        this.#say("");
        this.#fail(failure);
      }
    } finally {
      if (this.#asking === asking) this.#asking = null;
    }
  }

  /** Leaves the text as it was. */
  leave() {
    this.#asking?.abort();
    this.#asking = null;
    if (this.#gap === null) return;
    this.#gap = null;
    this.#fillings = [];
    this.#list.hidden = true;
    this.#list.replaceChildren();
    this.#sheet.preview(null);
    this.#sheet.text.removeAttribute("aria-activedescendant");
    this.#say("");
  }

  #offer(gap, filling, before) {
    if (filling === before || this.#fillings.includes(filling)) return;
    this.#gap = gap;
    this.#fillings.push(filling);
    const option = document.createElement("li");
    option.role = "option";
    option.id = "filling-" + this.#fillings.length;
    option.textContent = filling.trim() || "(nothing)";
    option.setAttribute("aria-selected", "false");
    this.#list.append(option);
    this.#choose(this.#fillings.length === 1 ? 0 : this.#chosen);
  }

  #choose(index) {
    this.#chosen = (index + this.#fillings.length) % this.#fillings.length;
    [...this.#list.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === this.#chosen)));
    const filling = this.#fillings[this.#chosen];
    this.#sheet.preview({...this.#gap, text: filling});
    this.#sheet.text.setAttribute("aria-activedescendant", "filling-" + (this.#chosen + 1));
    this.#say(`${this.#chosen + 1} of ${this.#fillings.length}: ${filling.trim()}`);
    this.#list.hidden = false;
    const place = this.#sheet.previewPlace();
    if (place) {
      this.#list.style.top = place.top + 6 + "px";
      this.#list.style.left = Math.max(8, Math.min(place.left, place.width - this.#list.offsetWidth - 8)) + "px";
    }
  }

  #take() {
    const gap = this.#gap;
    const filling = this.#fillings[this.#chosen];
    this.leave();
    this.#sheet.replace(gap, filling);
    this.#say("Taken. Ctrl+Z undoes it.");
  }

  #key(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.start();
    } else if (event.key === "Escape") {
      this.leave();
    } else if (this.#gap !== null && !["Control", "Shift", "Alt", "Meta"].includes(event.key)) {
      const step = {ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1}[event.key];
      if (step) {
        event.preventDefault();
        this.#choose(this.#chosen + step);
      } else if (event.key === "Enter") {
        event.preventDefault();
        this.#take();
      } else {
        this.leave(); // and the key does what it does
      }
    }
  }
}
