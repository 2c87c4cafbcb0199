// Requests to the server and the stream of changes. Addresses are relative, so a path prefix in front does not matter.

import { setNow } from "./format.js";

export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

async function answerOf(response) {
  let value = {};
  try {
    value = await response.json();
  } catch {
    value = { error: `the answer ${response.status} is no JSON` };
  }
  if (!response.ok) throw new Refused(response.status, value.error ?? `the answer is ${response.status}`);
  if (typeof value.now_s === "number") setNow(value.now_s);
  return value;
}

export async function get(path) {
  return answerOf(await fetch(path, { credentials: "same-origin", cache: "no-store" }));
}

export async function send(method, path, body) {
  return answerOf(await fetch(path, {
    method, credentials: "same-origin", headers: { "Content-Type": "application/json", "X-Tocsin-Page": "1" },
    body: JSON.stringify(body ?? {}),
  }));
}

const BROKEN_AFTER_MS = 25_000; // the server says something every 10 s

// The browser reconnects by itself with the id of the last event. handlers: changes, reset, state; refused, which is given
// what opens the stream again.
export function watch(position, handlers) {
  let source = null;
  let heard = Date.now();
  let last = position;
  let isLeft = false;
  function open() {
    source = new EventSource(`page/events?after=${encodeURIComponent(last)}`);
    for (const name of ["changes", "reset"]) {
      source.addEventListener(name, (event) => {
        heard = Date.now();
        last = event.lastEventId;
        const value = JSON.parse(event.data);
        setNow(value.now_s);
        handlers.state("live");
        handlers[name](value);
      });
    }
    source.onerror = () => {
      handlers.state("broken");
      if (source.readyState === EventSource.CLOSED) setTimeout(() => { if (!isLeft) handlers.refused(reopen); }, 2000);
    };
  }
  function reopen() {
    source.close();
    if (isLeft) return;
    heard = Date.now();
    open();
  }
  const timer = setInterval(() => { if (Date.now() - heard > BROKEN_AFTER_MS) { handlers.state("broken"); reopen(); } }, 5000);
  open();
  return () => { isLeft = true; clearInterval(timer); source.close(); };
}
