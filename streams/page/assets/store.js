// What the first view shows, kept current by the stream of changes.

export const store = {
  incidents: new Map(), approvals: new Map(), texts: new Map(), force: { storm_since_s: null, remedies: [], silences: [] }, on_call: [],
  health: { complaints: [], newest_s: null, telemetry_incidents: [] }, quiet: { known: 0, services: 0, last_resolved_s: null },
  unread: null, session: { person: null, may: [], roles: [], may_read: false }, position: "",
};

export function replaceAll(now) {
  store.incidents = new Map(now.incidents.map((one) => [one.id, one]));
  store.approvals = new Map(now.approvals.map((one) => [one.key, one]));
  store.texts = new Map(now.texts.map((one) => [one.digest, one]));
  for (const name of ["force", "on_call", "health", "quiet", "unread", "position"]) store[name] = now[name];
}

// Returns the ids of the incidents that changed, and the names of what has newer windows.
export function apply(changes) {
  for (const one of changes.incidents) {
    if (one.state === "resolved") {
      if (store.incidents.delete(one.id)) store.quiet.last_resolved_s = one.resolved_at_s;
    } else {
      if (!store.incidents.has(one.id)) { store.quiet.known += 1; store.quiet.services ||= 1; }
      store.incidents.set(one.id, one);
    }
  }
  for (const one of changes.approvals) {
    if (one.state === "ended") store.approvals.delete(one.key);
    else store.approvals.set(one.key, one);
  }
  for (const one of changes.texts) {
    if (one.state === "ended") store.texts.delete(one.digest);
    else store.texts.set(one.digest, one);
  }
  if (changes.force) store.force = changes.force;
  for (const name of ["health", "on_call", "unread"]) store[name] = changes[name];
  return new Set([...changes.incidents.map((one) => one.id), ...changes.series]);
}

export function may(verb) {
  return store.session.may.includes(verb);
}
