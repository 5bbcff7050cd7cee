// Follows what happens to restricted users wherever it is done, and has portal.js fetch what is shown of them again.
//
//   [data-follow=/path/]   shows them: a user's row is had at that path and the id; [data-newest] takes new ones at its top
const TOGETHER = 1_000; // what happens within so many milliseconds is fetched together
const MANY = 20; // more than so many rows are not fetched one by one
const UNATTENDED = 10 * 60_000; // without a hand for so long nothing is fetched: a session must be able to end
let stream = null;
let last = null; // the id of the last event
let touched = Date.now();
let changed = new Map(); // ids, and whether the user is new here
let timer = null;

function follow() {
  if (stream || document.hidden) return;
  stream = new EventSource(last ? `/api/v1/events?after=${last}` : "/api/v1/events");
  stream.onmessage = ({ lastEventId, data }) => {
    last = lastEventId;
    const { type, restricted_user: user } = JSON.parse(data);
    changed.set(user.id, changed.get(user.id) || type === "restricted");
    timer ??= setTimeout(fetchChanged, TOGETHER);
  };
  // The database went back: what is shown may never have been.
  stream.addEventListener("reset", ({ lastEventId }) => {
    last = lastEventId;
    changed = new Map();
    document.getElementById("filter")?.requestSubmit();
  });
  stream.onerror = () => {
    if (stream?.readyState === EventSource.CLOSED) rest(), (last = null);
  };
}

function rest() {
  stream?.close();
  stream = null;
}

function fetchChanged() {
  const place = document.querySelector("[data-follow]");
  const { newest, follow: path } = place?.dataset ?? {};
  const shown = [...changed].filter(([id, fresh]) => document.getElementById(`user-${id}`) || (fresh && newest !== undefined));
  const { also } = document.getElementById("main").dataset;
  timer = null;
  if (also) document.dispatchEvent(new CustomEvent("news", { detail: also })); // a restriction is an alert, too
  if (document.querySelector("dialog[open]")) return; // what lies below keeps still until it is closed
  changed = new Map();
  if (!shown.length) return;
  if (shown.length > MANY || !document.getElementById("rows")) return document.getElementById("filter")?.requestSubmit();
  for (const [id, fresh] of shown) document.dispatchEvent(new CustomEvent("news", { detail: `${path}${id}?newest=${fresh && newest !== undefined}` }));
}

if ("home" in document.getElementById("main").dataset) {
  follow();
  for (const kind of ["pointerdown", "keydown", "scroll"]) addEventListener(kind, () => ((touched = Date.now()), follow()), { passive: true });
  document.addEventListener("close", () => changed.size && (timer ??= setTimeout(fetchChanged, TOGETHER)), true); // it does not bubble
  document.addEventListener("visibilitychange", () => (document.hidden ? rest() : follow()));
  setInterval(() => Date.now() - touched > UNATTENDED && rest(), 60_000);
}
