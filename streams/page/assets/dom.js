// Builds elements. Text is always set as text, so what telemetry and people wrote is shown and never executed.

export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false));
  return made;
}

export function panel(title, note, ...children) {
  return el("section", { class: "panel", "aria-label": title },
    el("header", {}, el("h2", {}, title), note ? el("span", { class: "soft num" }, note) : null), ...children);
}

export const share = (ratio) => ratio === null || ratio === undefined ? "unknown" : `${Math.round(ratio * 100)} %`;

export function severity(name) {
  return el("span", { class: `sev sev-${name}`, title: `severity ${name}` }, name ?? "?");
}

export function empty(text) {
  return el("p", { class: "empty" }, text);
}

let hiding = 0;

export function toast(text) {
  const shown = document.getElementById("toast");
  shown.textContent = text;
  shown.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { shown.hidden = true; }, 6000);
}
