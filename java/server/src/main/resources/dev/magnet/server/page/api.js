// Asks the server. What goes wrong is an Error whose message can be shown.

const KEY = "magnet.key";

export class NeedsKey extends Error {}

export function useKey(key) {
  sessionStorage.setItem(KEY, key);
}

async function ask(path, body, signal) {
  const headers = {};
  const key = sessionStorage.getItem(KEY);
  if (key) headers.Authorization = "Bearer " + key;
  if (body) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), signal});
  } catch (failure) {
    throw signal?.aborted ? failure : gone();
  }
  if (response.ok) return response;
  const answer = await response.json().catch(() => null);
  const message = answer?.error?.message ?? `the server answered with status ${response.status}`;
  throw response.status === 401 ? new NeedsKey(message) : new Error(message);
}

function gone() {
  return new Error("The server does not answer; it may have been stopped. Your text is kept in this browser: start the server again and go on.");
}

/** A JSON answer. */
export async function get(path) {
  return (await ask(path)).json();
}

/** A JSON answer to a JSON question. */
export async function post(path, body, signal) {
  return (await ask(path, body, signal)).json();
}

/** The events of a stream, one by one. */
export async function* stream(path, body, signal) {
  const response = await ask(path, {...body, stream: true}, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  while (true) {
    let piece;
    try {
      piece = await reader.read();
    } catch (failure) {
      throw signal?.aborted ? failure : gone();
    }
    if (piece.done) return;
    const events = (rest + piece.value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      if (!event.startsWith("data: ") || event === "data: [DONE]") continue;
      const data = JSON.parse(event.slice(6));
      if (data.error) throw new Error(data.error.message);
      yield data;
    }
  }
}
