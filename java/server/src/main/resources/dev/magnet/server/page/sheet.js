// The sheet: a text area, and behind it a mirror of the same text that can be marked.

const SURROGATE = /[\ud800-\udbff]$/;

export class Sheet {
  #paper = document.getElementById("paper");
  #mirror = document.getElementById("mirror");
  #marks = []; // {start, end, className}, in order
  #preview = null; // {start, end, text}
  text = document.getElementById("text");

  constructor() {
    this.text.addEventListener("input", () => {
      this.#marks = [];
      this.draw();
    });
  }

  get value() {
    return this.text.value;
  }

  set value(value) {
    this.text.value = value;
    this.draw();
  }

  /** What is selected, or an empty place. */
  get selection() {
    return {start: this.text.selectionStart, end: this.text.selectionEnd};
  }

  /** Where the gap is: the selection, and a space before it, as models join a space to the word behind it. */
  get gap() {
    const {start, end} = this.selection;
    return {start: start > 1 && this.value[start - 1] === " " ? start - 1 : start, end};
  }

  /** The text around a gap, no more of it than the model needs. */
  around({start, end}, most) {
    let from = Math.max(0, start - 2 * most);
    let to = Math.min(this.value.length, end + most);
    if (SURROGATE.test(this.value.slice(0, from))) from++;
    if (SURROGATE.test(this.value.slice(0, to))) to--;
    return {left: this.value.slice(from, start), right: this.value.slice(end, to)};
  }

  select(start, end) {
    this.text.focus({preventScroll: true});
    this.text.setSelectionRange(start, end);
    const place = this.#place(start);
    if (place) window.scrollTo({top: window.scrollY + place.top - window.innerHeight / 3});
  }

  /** Replaces a passage so that the browser can undo it. */
  replace({start, end}, filling) {
    this.text.focus({preventScroll: true});
    this.text.setSelectionRange(start, end);
    const done = filling === "" ? start === end || document.execCommand("delete") : document.execCommand("insertText", false, filling);
    if (!done) {
      this.text.setRangeText(filling, start, end, "end");
      this.text.dispatchEvent(new Event("input"));
    }
  }

  mark(marks) {
    this.#marks = marks;
    this.draw();
  }

  /** Shows a filling in its place without changing the text; null = none. */
  preview(preview) {
    this.#preview = preview;
    this.#paper.classList.toggle("choosing", preview !== null);
    this.draw();
  }

  /** Where the previewed filling stands, in pixels of the paper. */
  previewPlace() {
    const box = this.#mirror.querySelector(".candidate")?.getClientRects();
    const paper = this.#paper.getBoundingClientRect();
    const last = box?.[box.length - 1];
    return last && {left: box[0].left - paper.left, top: last.bottom - paper.top, width: paper.width};
  }

  draw() {
    const value = this.value;
    const pieces = [];
    let at = 0;
    const marks = this.#preview ? [{...this.#preview, className: "candidate"}] : this.#marks;
    for (const mark of marks) {
      const element = document.createElement("mark");
      element.className = mark.className;
      element.textContent = mark.text ?? value.slice(mark.start, mark.end);
      pieces.push(value.slice(at, mark.start), element);
      at = mark.end;
    }
    this.#mirror.replaceChildren(...pieces, value.slice(at) + "\u200b"); // so that an empty last line counts
  }

  #place(offset) {
    const walker = document.createTreeWalker(this.#mirror, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (offset <= node.length) {
        const range = document.createRange();
        range.setStart(node, offset);
        range.setEnd(node, Math.min(node.length, offset + 1));
        return range.getBoundingClientRect();
      }
      offset -= node.length;
    }
    return null;
  }
}
