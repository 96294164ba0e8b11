// Puts the page together.

import {get, NeedsKey, useKey} from "./api.js";
import {Fill} from "./fill.js";
import {Mask} from "./mask.js";
import {Search} from "./search.js";
import {Sheet} from "./sheet.js";
import {load, save} from "./store.js";
import {Tint} from "./tint.js";

const CONTEXTS = {
  default: "as trained", hybrid: "hybrid: text sees both ways", ordered: "ordered: text left to right", fim: "FIM: the model's own tokens",
  left: "left: only what is before",
};

const at = (id) => document.getElementById(id);
const say = (message) => { at("status").textContent = message; };
const fail = (failure) => {
  at("problem").textContent = failure.message;
  if (failure instanceof NeedsKey) {
    at("access").hidden = false;
    at("key").focus();
  }
};

const settings = () => ({
  length: Number(at("length").value),
  context: at("context").value || "default",
  temperature: Number(at("temperature").value),
  candidates: Math.max(1, Math.min(8, Math.trunc(Number(at("candidates").value)) || 1)),
});

const sheet = new Sheet();
const fill = new Fill(sheet, settings, say, fail);
const tint = new Tint(sheet, say, fail);
const mask = new Mask(sheet, settings, fail);
new Search(sheet, say, fail);

sheet.value = load("text") ?? "";
sheet.text.addEventListener("input", () => {
  at("problem").textContent = save("text", sheet.value) ? "" : "This browser does not keep the text: copy it before you leave.";
});

at("fill").addEventListener("click", () => run(() => fill.start()));
at("tint").addEventListener("change", () => {
  at("next-tinted").hidden = !at("tint").checked;
  run(() => tint.turn(at("tint").checked));
});
at("next-tinted").addEventListener("click", () => {
  const word = tint.next(sheet.selection.end);
  if (word) sheet.select(word.start, word.end);
});
sheet.text.addEventListener("click", () => {
  const {start, end} = sheet.selection;
  const word = start === end ? tint.wordAt(start) : undefined;
  if (word) {
    sheet.text.setSelectionRange(word.start, word.end);
    run(() => fill.start());
  }
});

function run(action) {
  at("problem").textContent = "";
  return action();
}

for (const id of ["length", "temperature", "candidates", "context"]) {
  const kept = load(id);
  if (kept !== null && id !== "context") at(id).value = kept;
  at(id).addEventListener("input", () => {
    save(id, at(id).value);
    showNumbers();
    mask.soon();
  });
}

function showNumbers() {
  const length = Number(at("length").value);
  at("length-text").textContent = length === 0 ? "open" : `${length} token${length === 1 ? "" : "s"}`;
  at("temperature-text").textContent = Number(at("temperature").value).toFixed(1);
}

async function greet() {
  try {
    const props = await get("/props");
    at("model").textContent = `${props.model_alias} · ${props.build_info}`;
    at("context").replaceChildren(...props.contexts.map((name) => new Option(CONTEXTS[name] ?? name, name)));
    at("context").value = load("context") ?? "default";
    if (at("context").selectedIndex < 0) at("context").value = "default";
  } catch (failure) {
    fail(failure);
  }
}

at("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  useKey(at("key").value);
  at("access").hidden = true;
  at("problem").textContent = "";
  greet();
});

showNumbers();
greet();
