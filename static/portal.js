// The portal in the browser. The hash names the page: "#/a/b" shows the HTML that GET /ui/a/b answers. Nothing
// below knows a page by name; what a page wants done, it says with data attributes.
//
//   <main data-home data-secret>  the default page; what follows data-secret in a hash is POSTed, never in a request line
//   <main data-also>              what is fetched and put in place with each page: what the frame around it tells
//   <dialog data-over>            a fragment whose root is a dialog lies over that page; one that answers a form, too
//   button[data-close|step|get]   closes the dialog; goes to a step ([data-final] waits for the last); GETs and places
//   form[data-live]               a GET form that is sent while one types; data-live=/page: when a field is left, and
//                                 what it asks stands behind that page's hash; form[data-native] is left to the browser
//   an answer, put in place       elements with an id replace their namesakes; [data-append|prepend=ID] add their children;
//                                 [data-announce] is told; [data-focus] gets the focus; [data-go=#/page] starts over there
//   [data-count=ID]               how many children that element has
//   [data-reload] in main         the page is fetched again after each change
//   a[data-leave]                 goes to another site, from where one comes back to the page of this hash
//   <time data-…>                 relative, exact, clock, countdown (then GETs data-refresh), in (seconds from now)
const byId = (id) => document.getElementById(id);
const main = byId("main");
const product = document.querySelector("meta[name=application-name]").content;
const signedIn = "home" in main.dataset;
let shown = null; // the path of the page in <main>
let turn = 0; // counts changes of the hash; an answer from an earlier turn is dropped
const path = () => location.hash.slice(1) || main.dataset.home;
const openDialog = () => document.querySelector("dialog[open]");

// ---- Pages
async function follow() {
  const wanted = path();
  const mine = ++turn;
  const opener = document.activeElement?.id;
  document.querySelector(":popover-open")?.hidePopover();
  if (openDialog()?.path !== wanted) openDialog()?.close();
  if (wanted === shown) return void (main.ariaBusy = "false");
  tell("");
  main.ariaBusy = "true";
  try {
    const page = await fetchPage(wanted);
    if (mine !== turn) return;
    const dialog = page.querySelector("dialog");
    if (!dialog) return show(page, wanted);
    const beneath = shown ? null : await fetchPage(dialog.dataset.over);
    if (mine !== turn) return;
    if (beneath) show(beneath, dialog.dataset.over);
    lay(dialog, wanted, opener);
  } catch (trouble) {
    if (mine === turn) stumble(trouble);
  } finally {
    if (mine === turn) main.ariaBusy = "false";
  }
}

function fetchPage(wanted) {
  const [, page, secret] = wanted.match(`^(${main.dataset.secret})/(.+)`) ?? [];
  return secret ? ask(`/ui${page}`, new URLSearchParams({ secret })) : ask(`/ui${wanted}`);
}

function show(page, at) {
  main.replaceChildren(page);
  shown = at;
  for (const link of document.querySelectorAll("#nav a")) link.ariaCurrent = `#${at}/`.replace(/[?].*/, "/").startsWith(`${link.hash}/`) ? "page" : null;
  tellTimes();
  name(main);
  focusOn(main.querySelector("h1"));
  scrollTo(0, 0);
  if (main.dataset.also) ask(main.dataset.also).then(place, () => {});
}

function lay(dialog, at, opener) {
  Object.assign(dialog, { path: at, opener });
  document.body.append(dialog);
  tellTimes();
  dialog.showModal();
  name(dialog);
  focusOn(dialog.querySelector("h3, input:not([type=hidden]), textarea") ?? dialog.querySelector("h2"));
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (path() === at) history.replaceState(null, "", `#${shown}`);
    if (path() !== shown) return;
    name(main);
    const kept = document.activeElement !== document.body && document.activeElement?.checkVisibility();
    if (!kept) focusOn(byId(opener)?.checkVisibility() ? byId(opener) : main.querySelector("h1"));
  });
}

// The page that was asked for cannot be shown: stay where we are, or say so in its place.
function stumble(trouble) {
  if (shown) return history.replaceState(null, "", `#${shown}`), tell(trouble.message);
  const page = byId("trouble").content.cloneNode(true);
  page.querySelector("h1").textContent = trouble.title;
  page.querySelector("p").textContent = trouble.message;
  page.querySelector("[data-retry]").hidden = trouble.lasting;
  show(page, null);
}

const name = (root) => (document.title = `${root.querySelector("h1, h2").textContent} · ${product}`);

function focusOn(element) {
  if (element.tabIndex < 0) element.tabIndex = -1; // makes a heading focusable; a control is
  element.focus();
}

// ---- The server
const problem = (title, message, more = {}) => Object.assign(new Error(message), { title, ...more });
async function ask(url, body) {
  const answer = await fetch(url, { method: body ? "POST" : "GET", body, headers: { Accept: "text/html" } }).catch(() => {
    throw problem("No answer", "The server cannot be reached. Check the connection, then try again.");
  });
  if (answer.status === 401 && signedIn) return location.reload(), new Promise(() => {}); // to the sign-in page
  if (!answer.ok) {
    const { title, detail, errors = [] } = await answer.json().catch(() => ({}));
    const message = errors.map((error) => error.detail).join(" ") || detail;
    const status = `The server answered ${answer.status}`;
    throw problem(title ?? status, message ?? `${status}. Try again in a minute.`, {
      fields: errors.map((error) => error.field),
      lasting: answer.status < 500, // the same question gets the same answer
    });
  }
  // The path comes from the hash, which anybody can put into a link: only what was made to be a page becomes one.
  if (!answer.headers.get("Content-Type")?.startsWith("text/html")) throw problem("Not a page", "There is no such page.", { lasting: true });
  const template = document.createElement("template");
  template.innerHTML = await answer.text();
  return template.content;
}

// Puts an answer in place. False when there was no place for a part of it.
function place(answer) {
  let whole = true;
  tellTimes(answer);
  const [news, focus] = [answer.querySelector("[data-announce]"), answer.querySelector("[data-focus]")];
  keepFocus(() => {
    for (const list of answer.querySelectorAll("[data-append], [data-prepend]")) {
      const { append, prepend } = list.dataset;
      const target = byId(append ?? prepend);
      const fresh = [...list.children].filter((child) => !replace(child));
      if (!target) whole = false;
      else if (prepend) target.prepend(...fresh);
      else target.append(...fresh), fresh[0]?.querySelector("a, summary")?.focus({ preventScroll: true });
    }
    [...answer.children, ...answer.querySelectorAll("table:not([id] *) tr[id]")].forEach(replace);
  });
  document.querySelectorAll("[data-count]").forEach((it) => (it.textContent = byId(it.dataset.count).childElementCount.toLocaleString("en")));
  tellTimes();
  if (news) announce(news.textContent, news.dataset.announce);
  focus?.focus();
  return whole;
}

function replace(fresh) {
  const old = fresh.id ? byId(fresh.id) : null;
  old?.replaceWith(fresh);
  return old;
}

// What had the focus keeps it, by its id, when it is replaced.
function keepFocus(change) {
  const id = document.activeElement?.id;
  change();
  if (id && document.activeElement === document.body) byId(id)?.focus();
}

function announce(text, manner) {
  const region = byId("status");
  region.className = manner;
  region.textContent = text;
  clearTimeout(region.timer);
  region.timer = setTimeout(() => (region.textContent = ""), 10_000);
}

const tell = (message) => ((openDialog()?.querySelector("[role=alert]") ?? byId("alert")).textContent = message);
// ---- Forms
async function send(form, submitter) {
  if (form.ariaBusy === "true") return;
  form.ariaBusy = "true";
  tell("");
  form.querySelectorAll("[aria-invalid]").forEach((field) => (field.ariaInvalid = null));
  try {
    const answer = await ask(form.getAttribute("action"), new URLSearchParams(new FormData(form, submitter)));
    const go = answer.querySelector("[data-go]");
    if (go) return history.replaceState(null, "", go.dataset.go), location.reload();
    const whole = place(answer);
    const [asked, told] = [form.closest("dialog"), answer.querySelector("dialog")];
    asked?.close();
    if (told) lay(told, shown, asked ? asked.opener : submitter?.id); // before anything can fail: it may show a secret, once
    if (whole && !main.querySelector("[data-reload]")) return;
    const page = await fetchPage(shown);
    keepFocus(() => main.replaceChildren(page));
    tellTimes();
  } catch (trouble) {
    tell(trouble.message);
    const fields = trouble.fields?.map((field) => form.elements[field]).filter(Boolean) ?? [];
    fields.forEach((field) => (field.ariaInvalid = "true"));
    fields[0]?.focus();
  } finally {
    form.ariaBusy = "false";
  }
}

function search(form, submitter) {
  clearTimeout(form.timer);
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
  if (submitter?.name) query.set(submitter.name, submitter.value);
  form.latest = query;
  get(`${form.getAttribute("action")}?${query}`, () => form.isConnected && form.latest === query);
  if (form.dataset.live) history.replaceState(null, "", `#${(shown = `${form.dataset.live}?${query}`.replace(/[?]$/, ""))}`);
}

async function get(url, stillWanted = () => true) {
  const [answer, trouble] = await ask(url).then((answer) => [answer], (trouble) => [null, trouble]);
  if (!stillWanted()) return;
  tell(trouble?.message ?? "");
  if (answer) place(answer);
}

function step(form, to) {
  const sections = form.querySelectorAll("section.step");
  sections.forEach((section, index) => (section.hidden = index !== to - 1));
  form.querySelectorAll("ol.stepper li").forEach((item, index) => {
    item.ariaCurrent = index === to - 1 ? "step" : null;
    item.classList.toggle("done", index < to - 1);
  });
  form.querySelector("[data-final]").disabled = to < sections.length;
  focusOn(sections[to - 1].querySelector("h3"));
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if ("native" in form.dataset) form.action = form.getAttribute("action").split("#")[0] + location.hash;
  else if ("live" in form.dataset) event.preventDefault(), search(form, event.submitter);
  else if (form.method === "post" && form.closest("main, dialog")) event.preventDefault(), send(form, event.submitter);
});

function searchSoon({ target, type }) {
  const form = target.form ?? target;
  if (!form.matches("[data-live]") || type === (form.dataset.live ? "input" : "change")) return;
  clearTimeout(form.timer);
  form.timer = setTimeout(search, 150, form); // by then a reset has emptied the fields
}
for (const kind of ["input", "change", "reset"]) document.addEventListener(kind, searchSoon);
// ---- Buttons and menus
document.addEventListener("click", ({ target }) => {
  if (target.closest("a[data-leave]") && location.hash) sessionStorage.setItem("left", location.hash); // a refusal has none
  const button = target.closest("button");
  for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = menu.contains(target) && !target.closest("a");
  if (!button) return;
  const { get: url, step: to, copy } = button.dataset;
  if (url) button.disabled = true, get(url).finally(() => (button.disabled = false));
  if (to) step(button.form, Number(to));
  if (copy) getSelection().selectAllChildren(byId(copy)); // without HTTPS there is no clipboard, but the keyboard can copy it now
  if (copy) navigator.clipboard?.writeText(byId(copy).textContent).then(() => announce("Copied."));
  if ("close" in button.dataset) button.closest("dialog").close();
  if ("retry" in button.dataset) follow();
  if ("skip" in button.dataset) main.focus();
});

document.addEventListener("keydown", ({ key }) => {
  const menu = key === "Escape" && document.querySelector("details.menu[open]");
  if (menu) menu.open = false, menu.querySelector("summary").focus();
});

// ---- Times
const exactly = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });
const inDays = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const asked = new Map(); // how often each data-refresh URL was asked

function ago(at) {
  const minutes = Math.floor((Date.now() - at) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ago`;
  if (minutes > 30 * 24 * 60) return day.format(at);
  const midnight = (day) => new Date(day).setHours(0, 0, 0, 0);
  return inDays.format(Math.round((midnight(at) - midnight(Date.now())) / 86_400_000), "day");
}

function countDown(at, time) {
  const seconds = Math.ceil((at - Date.now()) / 1000);
  const url = time.dataset.refresh;
  if (seconds > 0) return asked.delete(url), `in ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  const times = asked.get(url) ?? 0;
  if (time.isConnected && -seconds >= 2 ** times - 1 && times < 10) {
    asked.set(url, times + 1);
    ask(url).then(place, () => {}); // the next try comes by itself
  }
  return "any moment now";
}

const writers = {
  relative: ago,
  exact: (at) => exactly.format(at),
  clock: (at) => clock.format(at),
  in: (at) => clock.format(at),
  countdown: countDown,
};
function write(time) {
  const kind = Object.keys(writers).find((kind) => kind in time.dataset);
  if (!kind) return;
  if (kind === "in") time.dateTime = new Date(Date.now() + time.dataset.in * 1000).toISOString();
  const at = new Date(time.dateTime);
  const text = writers[kind](at, time);
  if (time.textContent !== text) time.textContent = text;
  time.title = at.toLocaleString("en-GB", { dateStyle: "full", timeStyle: "long" });
}

const tellTimes = (root = document) => root.querySelectorAll("time").forEach(write);
setInterval(() => document.querySelectorAll("time[data-countdown], time[data-in]").forEach(write), 1000);
setInterval(tellTimes, 30_000);
// ---- Start
if (signedIn) {
  const left = sessionStorage.getItem("left"); // the server has never seen it
  sessionStorage.removeItem("left");
  if (left && !location.hash) history.replaceState(null, "", left);
}
const { dataset } = document.documentElement;
dataset.theme = localStorage.getItem("theme") ?? "auto";
for (const choice of document.querySelectorAll("[name=theme]")) {
  choice.checked = choice.value === dataset.theme;
  choice.addEventListener("change", () => localStorage.setItem("theme", (dataset.theme = choice.value)));
}
if (signedIn || path()?.startsWith(`${main.dataset.secret}/`)) follow();
document.addEventListener("news", ({ detail: url }) => ask(url).then(place, () => {})); // live.js tells
addEventListener("hashchange", () => (signedIn ? follow() : location.reload()));
