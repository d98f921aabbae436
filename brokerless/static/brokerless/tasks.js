// Keeps pages of tasks true. Every word comes from the page itself; what is shown is text, never markup.
//
// Polls are the contract; where the server can push, one EventSource per page is faster, and they only make sure.
// A hidden tab does neither. All times are in milliseconds.

const LEAST_PAUSE = 500; // longer ones are the server's
const SAFETY_PAUSE = 15000; // while the stream brings what is new
const FIRST_RETRY = 1000; // doubled with every failure up to the longest
const LONGEST_RETRY = 30000;
const TIME_LIMIT = 10000; // of a request
const SPREAD = 1000; // in which all pages of a broken server ask
const MOST_REFUSALS = 2; // a server that never streamed is not asked for it any more
const LOGIN = "login";
const ENDS = ["SUCCESSFUL", "FAILED", "CANCELLED", "LOST"];

const language = document.documentElement.lang || undefined;

function number(value, options) {
  return new Intl.NumberFormat(language, { maximumFractionDigits: value < 10 ? 1 : 0, ...options }).format(value);
}

function filled(template, value, format = number) {
  return value ? template.replace("%s", format(value)) : "";
}

function request(address, { headers, ...others } = {}) {
  const all = { Accept: "application/json", ...headers };
  return fetch(address, { headers: all, cache: "no-store", signal: AbortSignal.timeout(TIME_LIMIT), ...others });
}

// A page that cannot be had without a login leads to it.
function okay(response) {
  if (response.status === 401 || response.redirected) throw new Error(LOGIN);
  if (!response.ok) throw new Error(response.statusText);
  return response;
}

async function loadPage(address) {
  const response = okay(await request(address, { headers: { Accept: "text/html" } }));
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

// So that all pages do not come back at once.
function retryPause(failures) {
  return Math.min(LONGEST_RETRY, FIRST_RETRY * 2 ** failures) * (0.75 + Math.random() / 2);
}

class LiveElement extends HTMLElement {
  part(name, within = this) {
    return within.querySelector(`[data-part="${name}"]`);
  }
}

// ---- What is asked for again and again

const polls = new Set();
const troubles = new Map(); // poll → the name of a text in the place for them

function tell(poll, trouble) {
  const before = troubles.get(poll);
  if (trouble) troubles.set(poll, trouble);
  else troubles.delete(poll);
  if (trouble === LOGIN) closeStream(); // it would be refused, too
  else if (!trouble && before === LOGIN) {
    cookies = null; // it may be another login
    look();
  }
  const place = document.querySelector('[data-part="connection"]');
  if (!place) return;
  const said = [LOGIN, "gone", "retrying"].find((name) => [...troubles.values()].includes(name));
  const [words, login] = place.children;
  words.textContent = said ? place.getAttribute(`data-text-${said}`) : "";
  login.hidden = said !== LOGIN;
  place.hidden = !said;
}

// take(json): shows it and returns the next pause, null for no more. wish(): what the stream is to bring: `events`, its
// address, and `isTask`, `rows`, `notices`. polled(): after success.
function makePoll({ address, take, wish, polled }) {
  let etag, timer;
  let failures = 0;
  let pause = LEAST_PAUSE;
  let askedAt = -Infinity;
  let isAsking = false;
  let newest = 0; // number of the newest state that came
  let shown = Promise.resolve();
  const poll = { wish, start, stop, soon, show };
  return poll;

  function start(firstPause) {
    polls.add(poll);
    again(firstPause);
    refreshStreamSoon();
  }

  function stop() {
    polls.delete(poll);
    clearTimeout(timer);
    tell(poll);
    refreshStreamSoon();
  }

  function soon(delay = 0) {
    again(Math.max(delay, askedAt + LEAST_PAUSE - performance.now()));
  }

  function again(next) {
    clearTimeout(timer);
    if (!document.hidden && polls.has(poll)) timer = setTimeout(ask, next);
  }

  async function ask() {
    if (isAsking) return again(LEAST_PAUSE);
    isAsking = true;
    askedAt = performance.now();
    const before = newest;
    try {
      const response = await request(address(), { headers: etag ? { "If-None-Match": etag } : {} });
      if (response.status === 404) return end();
      if (response.status === 304) return succeed(pause);
      const json = await okay(response).json();
      if (before === newest) show(json, response.headers.get("ETag")); // else the stream brought a newer one
    } catch (error) {
      fail(error);
    } finally {
      isAsking = false;
    }
  }

  function end() {
    stop();
    if (wish().isTask) tell(poll, "gone");
  }

  // One after the other, as it may need a request of its own; of those that wait the newest is enough.
  function show(json, itsEtag = null) {
    const own = ++newest;
    const turn = async () => {
      if (own !== newest || !polls.has(poll)) return;
      succeed(await take(json));
      etag = itsEtag;
    };
    shown = shown.then(turn).catch(fail);
  }

  function succeed(next) {
    if (!polls.has(poll)) return;
    failures = 0;
    pause = next;
    tell(poll);
    if (next === null) stop();
    else again(isLive && wish().events ? Math.max(next, SAFETY_PAUSE) : next);
    polled?.();
  }

  function fail({ message }) {
    if (document.hidden || !polls.has(poll)) return;
    etag = null; // what could not be shown has to be sent again
    const isOut = message === LOGIN;
    tell(poll, isOut ? LOGIN : "retrying");
    again(isOut ? LONGEST_RETRY : retryPause(failures++));
  }
}

// ---- The stream that they share

let source = null;
let streamed = ""; // address
let streamTimer;
let refusals = 0;
let breaks = 0;
let hasStreamed = false;
let isLive = false; // something came by this very connection: a proxy may hold back all of it

// Once for all elements that a page begins, or ends, with.
function refreshStreamSoon() {
  clearTimeout(streamTimer);
  streamTimer = setTimeout(refreshStream, 0);
}

function refreshStream() {
  const address = document.hidden ? "" : streamAddress();
  if (source && address === streamed) return;
  closeStream();
  if (!address || (refusals >= MOST_REFUSALS && !hasStreamed)) return;
  streamed = address;
  source = new EventSource(address);
  source.onerror = streamBroke;
  source.addEventListener("task", (event) => hear(event, (poll, task) => poll.wish().isTask && poll.show(task)));
  source.addEventListener("changed", (event) =>
    hear(event, (poll, { topics }) => topics.some((topic) => poll.wish()[topic]) && poll.soon()),
  );
}

function closeStream() {
  clearTimeout(streamTimer);
  source?.close();
  source = null;
  isLive = false;
}

function streamAddress() {
  const wishes = [...polls].map((poll) => poll.wish()).filter((wish) => wish.events);
  if (!wishes.length) return "";
  const address = new URL((wishes.find((wish) => wish.isTask) ?? wishes[0]).events, location.href);
  for (const row of wishes.flatMap((wish) => wish.rows ?? [])) address.searchParams.append("row", row);
  if (wishes.some((wish) => wish.notices)) address.searchParams.set("notices", "1");
  return address.href;
}

function hear(event, bring) {
  refusals = breaks = 0;
  isLive = hasStreamed = true;
  const data = JSON.parse(event.data);
  for (const poll of polls) bring(poll, data);
}

// The browser itself would try again every other second, for ever.
function streamBroke() {
  const wasLive = isLive;
  if (source.readyState === EventSource.CLOSED) refusals++; // it is no stream
  closeStream();
  streamTimer = setTimeout(refreshStream, retryPause(breaks++));
  if (wasLive) for (const poll of polls) poll.soon(Math.random() * SPREAD);
}

// ---- Coming back to the page

let cookies = document.cookie;

function look() {
  refreshStream();
  for (const poll of polls) poll.soon(); // or never, in a hidden tab
  if (document.hidden || cookies === document.cookie) return;
  cookies = document.cookie;
  renewTokens().catch(() => {}); // the server refuses what is sent with the old ones
}

document.addEventListener("visibilitychange", look);
for (const name of ["online", "focus"]) window.addEventListener(name, look);
window.addEventListener("pageshow", ({ persisted }) => persisted && look());

// After another login, in another tab, those of this page are void; somebody else's are not for it.
async function renewTokens() {
  const page = await loadPage(location.href);
  const [shown, found] = [document, page].map((each) => each.querySelector("task-notices")?.dataset);
  if (!found || shown?.user !== found.user) return false;
  shown.csrf = found.csrf;
  for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]")) field.value = found.csrf;
  return true;
}

// ---- The page of a task

const ANNOUNCE_STEP = 10; // percent
const ANNOUNCE_PAUSE = 15000; // for screen readers
const STARTED = "brokerless-started"; // key of localStorage: the last tasks whose downloads were started
const MOST_STARTED = 50;

class TaskProgress extends LiveElement {
  #announced = { percent: 0, at: 0 };
  #poll = makePoll({
    address: () => this.dataset.url,
    wish: () => ({ isTask: true, events: this.dataset.events }),
    take: (task) => this.#show(task),
    polled: () => this.dispatchEvent(new Event("task-polled", { bubbles: true })),
  });

  connectedCallback() {
    if (!this.#isFinished()) this.#poll.start(LEAST_PAUSE);
    // Only the page that a form's answer led to says "we have your request".
    else if (document.querySelector(".bl-message")) this.#startDownload();
  }

  disconnectedCallback() {
    this.#poll.stop();
  }

  #isFinished() {
    return ENDS.includes(this.dataset.status);
  }

  async #show(task) {
    const isNew = ["status", "cancelling", "attempt"].some((name) => String(task[name]) !== this.dataset[name]);
    if (isNew) await this.#showAnew();
    if (task.progress) this.#showProgress(task.progress);
    this.#showNotices(task.notices ?? []);
    return this.#isFinished() ? null : (task.next_poll_ms ?? LEAST_PAUSE);
  }

  // The server renders each status; only the numbers in between are written here.
  async #showAnew() {
    const page = await loadPage(this.dataset.url);
    const found = page.querySelector("task-progress");
    if (!found) throw new Error("another page");
    this.#replace(this.part("state"), this.part("state", found));
    this.#showLog(this.part("log"), this.part("log", found));
    Object.assign(this.dataset, found.dataset);
    document.title = page.title;
    this.#announce(this.querySelector(".bl-status").textContent.trim());
    if (!this.#isFinished()) return;
    document.querySelector(".bl-messages")?.remove(); // "we have your request" is no news any more
    this.#startDownload();
  }

  // Who is about to do something is not interrupted.
  #replace(shown, found) {
    const { activeElement } = document;
    const isHeld = shown.contains(activeElement);
    const isOpen = this.part("confirm")?.open;
    shown.replaceWith(document.adoptNode(found));
    if (isOpen) this.part("confirm")?.setAttribute("open", "");
    if (!isHeld) return;
    (this.part(activeElement.dataset.part) ?? this.part("download") ?? this.part("status")).focus();
  }

  // The log on the page goes on by itself; another attempt has another log.
  #showLog(shown, found) {
    const [before, after] = [shown, found].map((log) => log.querySelector("details"));
    const isOpen = Boolean(before?.open || after?.open);
    const isSame = before && after && shown.dataset.attempt === found.dataset.attempt;
    if (!isSame) shown.replaceWith(document.adoptNode(found));
    const details = isSame ? before : after;
    if (details) details.open = isOpen;
  }

  #showProgress({ current, total, percent, unit, message, rate, eta_seconds: eta }) {
    const bar = this.part("bar");
    if (!bar) return;
    if (percent === null) bar.removeAttribute("value");
    else bar.value = percent;
    const { textProgress, textRate, textEta, textPercent, cancelling } = this.dataset;
    const label = this.part("message");
    label.textContent = message || textProgress;
    label.classList.toggle("bl-unseen", !message);
    this.part("percent").textContent = percent === null ? "" : `${percent} %`;
    const counts = [current, total].filter((count) => count !== null);
    this.part("count").textContent = `${counts.map((count) => number(count)).join(" / ")} ${unit}`;
    this.part("rate").textContent = filled(textRate, rate);
    this.part("eta").textContent = filled(textEta, eta, duration);
    const title = document.title.replace(/^\d+ % – /, "");
    document.title = percent === null || cancelling === "true" ? title : `${percent} % – ${title}`;
    const { percent: told, at } = this.#announced;
    if (percent < told + ANNOUNCE_STEP || Date.now() < at + ANNOUNCE_PAUSE) return;
    this.#announced = { percent, at: Date.now() };
    this.#announce(filled(textPercent, percent));
  }

  #showNotices(notices) {
    const list = this.part("notices");
    const last = list?.lastElementChild?.value ?? 0;
    for (const { number, at, text } of notices.filter((notice) => notice.number > last)) {
      const line = this.part("notice").content.firstElementChild.cloneNode(true);
      const [time, words] = line.children;
      line.value = number;
      time.dateTime = at;
      time.textContent = clock(new Date(at), this.dataset.zone);
      words.textContent = text;
      list.append(line);
      this.#announce(text);
    }
  }

  #announce(text) {
    this.part("announcement").textContent = text;
  }

  // Once, in one tab; the link says whether who looks is who asked for it.
  #startDownload() {
    const link = this.part("download");
    if (this.dataset.status !== "SUCCESSFUL" || !link?.dataset.starts) return;
    const started = (localStorage.getItem(STARTED) ?? "").split(" ").slice(-MOST_STARTED);
    if (started.includes(link.dataset.starts)) return;
    localStorage.setItem(STARTED, [...started, link.dataset.starts].join(" "));
    link.click();
  }
}

// In one unit, rounded as the filter `remaining` does it.
function duration(seconds) {
  const units = { hour: 3600, minute: 60, second: 1 };
  const unit = Object.keys(units).find((name) => seconds >= 1.5 * units[name]) ?? "second";
  return number(Math.round(seconds / units[unit]), { style: "unit", unit, unitDisplay: "long" });
}

// In the zone of the page's other times, which is the server's choice; some of its zones browsers do not know.
function clock(at, timeZone) {
  try {
    return at.toLocaleTimeString(language, { timeStyle: "medium", hourCycle: "h23", timeZone });
  } catch {
    return at.toLocaleTimeString(language);
  }
}

// ---- Its log, appended while it is open

const KEPT = 200000; // characters in the page; the whole log is behind the link
const PIECE = 65536; // bytes that an answer holds at most
const FAR_BEHIND = PIECE / 2; // bytes; a shorter way is left to the next turn
const MOST_AT_ONCE = 3; // answers in one turn
const LEAST_LOG_PAUSE = 250; // between two requests
const LOG_PAUSE = 2000; // between two turns, where no news of the task comes before
const NEAR_END = 8; // pixels from the end: who scrolled up further wants to read there

class TaskLog extends LiveElement {
  #isReading = false;
  #isAsked = false;
  #isPaused = false;
  #hasGap = false; // what comes next does not follow what is shown
  #askedAt = -Infinity;
  #timer;

  connectedCallback() {
    this.querySelector("details")?.addEventListener("toggle", this.#open);
    this.part("pause")?.addEventListener("click", this.#switch);
    document.addEventListener("visibilitychange", this.#read);
    document.addEventListener("task-polled", this.#read);
    this.#open();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#read);
    document.removeEventListener("task-polled", this.#read);
    clearTimeout(this.#timer);
  }

  #open = () => {
    const box = this.part("box");
    if (box && !this.#isPaused) box.scrollTop = box.scrollHeight;
    this.#read();
  };

  #switch = () => {
    this.#isPaused = !this.#isPaused;
    this.part("pause").textContent = this.dataset[this.#isPaused ? "textFollow" : "textPause"];
    this.#open();
  };

  #read = async () => {
    this.#isAsked = true; // also while it is reading: the task may have ended after that was answered
    if (this.#isReading) return;
    this.#isReading = true;
    clearTimeout(this.#timer);
    try {
      while (this.#isAsked && this.#isWanted()) await this.#catchUp();
    } catch {
      // The next turn tries again; <task-progress> says why.
    }
    this.#isReading = false;
    if (this.#isWanted()) this.#timer = setTimeout(this.#read, LOG_PAUSE);
  };

  #isWanted() {
    const isOpen = this.isConnected && this.querySelector("details")?.open;
    return isOpen && !this.#isPaused && !document.hidden && !this.hasAttribute("data-end");
  }

  // A task that prints all the time is followed at the pace of the polls, never from each answer to the next.
  async #catchUp() {
    for (let count = 0; count < MOST_AT_ONCE; count++) {
      const before = Number(this.dataset.offset);
      const piece = await this.#ask(before);
      if (!piece) return;
      const isFar = this.#take(piece);
      if (!isFar || piece.is_end || Number(this.dataset.offset) === before) return;
    }
  }

  async #ask(offset) {
    const pause = this.#askedAt + LEAST_LOG_PAUSE - performance.now();
    await new Promise((resolve) => setTimeout(resolve, pause));
    if (!this.#isWanted()) return null;
    this.#askedAt = performance.now();
    this.#isAsked = false;
    const response = await request(`${this.dataset.url}?attempt=${this.dataset.attempt}&offset=${offset}`);
    const piece = await okay(response).json();
    return this.isConnected ? piece : null;
  }

  // Tells whether there is much more. What comes after a gap is shown, however much there is by then.
  #take(piece) {
    const behind = piece.size - piece.next_offset;
    const hadGap = this.#hasGap;
    this.#hasGap = !hadGap && behind > KEPT;
    this.dataset.offset = this.#hasGap ? piece.size - PIECE : piece.next_offset;
    if (this.#hasGap) return true;
    if (hadGap) this.part("lines").replaceChildren("[…]\n");
    this.#show(piece);
    if (piece.is_end && document.activeElement === this.part("pause")) this.part("box").focus(); // the button goes
    this.toggleAttribute("data-end", piece.is_end);
    return !hadGap && behind >= FAR_BEHIND;
  }

  #show({ text, line }) {
    const box = this.part("box");
    const lines = this.part("lines");
    const isAtEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - NEAR_END;
    if (text) lines.append(text);
    let length = lines.textContent.length;
    while (length - lines.firstChild?.length > KEPT) {
      length -= lines.firstChild.length;
      lines.firstChild.remove();
    }
    this.part("line").textContent = line;
    box.hidden = !(length || line);
    this.part("nothing").hidden = !box.hidden;
    if (isAtEnd) box.scrollTop = box.scrollHeight;
  }
}

// ---- <details class="bl-confirm">: Escape is the way back

document.addEventListener("keydown", ({ key, target }) => {
  const open = key === "Escape" && target.closest(".bl-confirm[open]");
  if (!open) return;
  open.open = false;
  open.firstElementChild.focus();
});

// ---- <button data-copy="#what" data-text-copied="Copied">

const COPIED_TIME = 2000;

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copy]");
  if (!button) return;
  if (!(await copy(document.querySelector(button.dataset.copy)))) return; // it is selected, at least
  button.dataset.text ??= button.textContent;
  button.textContent = button.dataset.textCopied;
  setTimeout(() => (button.textContent = button.dataset.text), COPIED_TIME);
});

// Browsers have the clipboard on https alone; elsewhere what is selected can be copied.
async function copy(from) {
  try {
    await navigator.clipboard.writeText(from.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(from);
    return document.execCommand("copy");
  }
}

// ---- The badge, and what is told once on whatever page and tab somebody is

const TOAST_TIME = 12000; // failures stay until they are dismissed
const TOAST_TICK = 1000;
const MOST_TOASTS = 4;
const TOASTS = "brokerless-toasts-"; // key of sessionStorage: they go on on the next page

class TaskNotices extends LiveElement {
  #toasts = new Map(); // id → [what is told, its element]
  #timer;
  #poll = makePoll({
    address: () => this.dataset.url,
    wish: () => ({ notices: true, events: this.dataset.events }),
    take: (feed) => this.#show(feed),
  });

  connectedCallback() {
    this.part("clear").onclick = () => this.#dismiss(...this.#toasts.keys());
    for (const toast of JSON.parse(sessionStorage.getItem(this.#key) ?? "[]")) this.#tell(toast);
    this.#keep();
    window.addEventListener("pagehide", this.#keep);
    // What the page brought with it need not be asked for.
    this.#poll.start(Number(this.dataset.unshown) ? 0 : Number(this.dataset.next));
  }

  disconnectedCallback() {
    this.#poll.stop();
    clearInterval(this.#timer);
    window.removeEventListener("pagehide", this.#keep);
  }

  // What one user was told is not for who logs in after them.
  get #key() {
    return TOASTS + this.dataset.user;
  }

  async #show(feed) {
    for (const name of ["running", "waiting"]) {
      this.part(name).textContent = filled(this.getAttribute(`data-text-${name}`), feed[name]);
      this.part(name).hidden = !feed[name];
    }
    this.part("badge").hidden = !feed.running && !feed.waiting;
    return !feed.unshown || (await this.#claim()) ? feed.next_poll_ms : null;
  }

  // Whoever asks first, of all tabs and devices, is given each, and has to show it. Tells whether one may ask.
  async #claim() {
    let response = await this.#take();
    if (response.status === 403 && (await renewTokens())) response = await this.#take();
    if (response.status === 403) return false; // by now somebody else is logged in
    const { notices } = await okay(response).json();
    for (const toast of notices) this.#tell({ ...toast, left: TOAST_TIME });
    this.#keep();
    return true;
  }

  #take() {
    return request(this.dataset.url, { method: "POST", headers: { "X-CSRFToken": this.dataset.csrf } });
  }

  #tell(toast) {
    if (this.#toasts.has(toast.id) || toast.url === location.pathname) return; // that page says it itself
    const isEnd = toast.kind === "end";
    const itsTask = toast.id.split(":")[0];
    // What it said before is no news any more.
    if (isEnd) for (const id of this.#toasts.keys()) if (id.startsWith(itsTask)) this.#remove(id);
    const isBad = isEnd && ["FAILED", "LOST"].includes(toast.status);
    if (isBad) toast.left = null;
    const element = this.part("toast").content.firstElementChild.cloneNode(true);
    element.classList.add(`bl-toast-${isEnd ? toast.status.toLowerCase() : "notice"}`);
    const link = this.part("link", element);
    link.textContent = toast.title;
    link.href = toast.url;
    this.part("text", element).textContent = toast.text;
    this.part("dismiss", element).onclick = () => this.#dismiss(toast.id);
    this.part(isBad ? "alerts" : "toasts").prepend(element);
    this.#toasts.set(toast.id, [toast, element]);
  }

  // Who may be reading has time.
  #tick() {
    if (document.hidden || this.part("box").matches(":hover, :focus-within")) return;
    const over = [...this.#toasts].filter(([, [toast]]) => toast.left && (toast.left -= TOAST_TICK) <= 0);
    for (const [id] of over) this.#remove(id);
    if (over.length) this.#keep();
  }

  #dismiss(...ids) {
    for (const id of ids) this.#remove(id);
    this.#keep();
    this.querySelector(".bl-toast button")?.focus(); // for who goes through them by keyboard
  }

  #remove(id) {
    this.#toasts.get(id)[1].remove();
    this.#toasts.delete(id);
  }

  // For the next page; on this one the newest are shown, and how many there are besides.
  #keep = () => {
    const kept = [...this.#toasts.values()].map(([toast]) => toast);
    sessionStorage.setItem(this.#key, JSON.stringify(kept));
    for (const [place, each] of this.querySelectorAll(".bl-toast").entries()) each.hidden = place >= MOST_TOASTS;
    this.part("more").hidden = kept.length < 2;
    this.part("others").textContent = filled(this.dataset.textMore, Math.max(0, kept.length - MOST_TOASTS));
    clearInterval(this.#timer);
    if (kept.some((toast) => toast.left)) this.#timer = setInterval(() => this.#tick(), TOAST_TICK);
  };
}

const elements = { progress: TaskProgress, log: TaskLog, notices: TaskNotices };
for (const [name, element] of Object.entries(elements)) customElements.define(`task-${name}`, element);

// For lists.js; what it imported would be another module where names of files have hashes.
window.brokerless = { ENDS, number, polls, makePoll, refreshStreamSoon };
