// Keeps a task's page true by asking the server; every word that is shown comes from the page itself.

const FIRST_RETRY = 1000; // milliseconds, doubled with every failure up to the longest
const LONGEST_RETRY = 30000;
const ANNOUNCE_STEP = 10; // percent
const ANNOUNCE_PAUSE = 15000; // milliseconds between two announcements to screen readers
const FRESH = "brokerless-started-"; // key of sessionStorage: this download has been started

const language = document.documentElement.lang || undefined;
const numbers = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });

class TaskProgress extends HTMLElement {
  #etag = null;
  #failures = 0;
  #timer = null;
  #pause = FIRST_RETRY;
  #announced = { percent: 0, at: 0 };

  connectedCallback() {
    document.addEventListener("visibilitychange", this.#onVisibility);
    // A page that shows a finished task has nothing to ask for; one that was asked for just now has a file.
    if (this.dataset.status === "SUCCESSFUL" && cameFromRequest()) this.#startDownload();
    if (!this.#isFinished()) this.#poll();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#onVisibility);
    clearTimeout(this.#timer);
  }

  #onVisibility = () => {
    clearTimeout(this.#timer);
    if (!document.hidden && !this.#isFinished()) this.#poll();
  };

  #isFinished() {
    return ["SUCCESSFUL", "FAILED", "CANCELLED", "LOST"].includes(this.dataset.status);
  }

  #part(name) {
    return this.querySelector(`[data-part="${name}"]`);
  }

  async #poll() {
    clearTimeout(this.#timer);
    try {
      const headers = { Accept: "application/json" };
      if (this.#etag) headers["If-None-Match"] = this.#etag;
      const response = await fetch(this.dataset.url, { headers, cache: "no-store" });
      await this.#take(response);
    } catch {
      this.#retryLater();
    }
  }

  async #take(response) {
    if (response.status === 401) return this.#say(this.dataset.textLogin);
    if (response.status === 404) return this.#say(this.dataset.textGone);
    if (!response.ok && response.status !== 304) throw new Error(response.statusText);
    if (response.status !== 304) {
      await this.#show(await response.json());
      this.#etag = response.headers.get("ETag"); // not before: what could not be shown has to be sent again
    }
    this.#failures = 0;
    this.#say("");
    this.#again(this.#pause);
    this.dispatchEvent(new Event("task-polled", { bubbles: true }));
  }

  async #show(task) {
    const changed = task.status !== this.dataset.status || String(task.cancelling) !== this.dataset.cancelling;
    if (changed) await this.#showAnew(task);
    else this.#showProgress(task.progress);
    this.#pause = task.next_poll_ms;
  }

  // A pause of null says that there is nothing more to ask for; setTimeout would take it for 0.
  #again(pause) {
    clearTimeout(this.#timer);
    if (pause !== null && !document.hidden) this.#timer = setTimeout(() => this.#poll(), pause);
  }

  #retryLater() {
    this.#etag = null;
    this.#say(this.dataset.textRetrying);
    const pause = Math.min(LONGEST_RETRY, FIRST_RETRY * 2 ** this.#failures++);
    this.#again(pause * (0.75 + Math.random() / 2)); // so that all pages do not come back at once
  }

  #say(text) {
    const connection = this.#part("connection");
    connection.textContent = text;
    connection.hidden = !text;
  }

  // The server renders each status; only the numbers in between are written here.
  async #showAnew(task) {
    const response = await fetch(this.dataset.url, { headers: { Accept: "text/html" }, cache: "no-store" });
    if (!response.ok) throw new Error(response.statusText);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const state = page.querySelector('task-progress [data-part="state"]');
    if (!state) throw new Error("no state");
    this.#part("state").replaceWith(document.adoptNode(state));
    this.#showLog(page.querySelector('[data-part="log"]'));
    document.title = page.title;
    this.dataset.status = task.status;
    this.dataset.cancelling = String(task.cancelling);
    this.#announce(task.status_label);
    // "We have your request" is no news any more.
    if (this.#isFinished()) document.querySelector(".bl-messages")?.remove();
    if (task.status === "SUCCESSFUL") this.#startDownload();
    this.#showProgress(task.progress);
  }

  // The log on the page goes on by itself; another attempt has another log.
  #showLog(found) {
    const shown = this.#part("log");
    const [before, after] = [shown, found].map((log) => log?.querySelector("details"));
    if (!shown || !found) return;
    const isOpen = Boolean(before?.open || after?.open);
    const isSame = before && after && shown.dataset.attempt === found.dataset.attempt;
    if (!isSame) shown.replaceWith(document.adoptNode(found));
    const details = isSame ? before : after;
    if (details) details.open = isOpen;
  }

  #showProgress(progress) {
    const bar = this.#part("bar");
    if (!bar || !progress) return;
    if (progress.percent === null) bar.removeAttribute("value");
    else bar.value = progress.percent;
    const label = this.#part("message");
    label.textContent = progress.message || this.dataset.textProgress;
    label.classList.toggle("bl-unseen", !progress.message);
    const count = [progress.current, progress.total].filter((n) => n !== null).map((n) => numbers.format(n));
    this.#part("count").textContent = `${count.join(" / ")} ${progress.unit}`;
    this.#part("percent").textContent = progress.percent === null ? "" : `${progress.percent} %`;
    this.#part("rate").textContent = filled(this.dataset.textRate, progress.rate, (n) => numbers.format(n));
    this.#part("eta").textContent = filled(this.dataset.textEta, progress.eta_seconds, duration);
    this.#announceProgress(progress.percent);
  }

  #announceProgress(percent) {
    const now = Date.now();
    if (percent === null || percent < this.#announced.percent + ANNOUNCE_STEP) return;
    if (now < this.#announced.at + ANNOUNCE_PAUSE) return;
    this.#announced = { percent, at: now };
    this.#announce(filled(this.dataset.textPercent, percent, (n) => numbers.format(n)));
  }

  #announce(text) {
    this.#part("announcement").textContent = text;
  }

  // Once in this tab, however often the page is loaded again.
  #startDownload() {
    const link = this.#part("download");
    if (!link || sessionStorage.getItem(FRESH + link.dataset.task)) return;
    sessionStorage.setItem(FRESH + link.dataset.task, "1");
    link.click();
  }
}

// The message "we have your request" stands on the page that a form's answer led to, and only there.
function cameFromRequest() {
  return document.querySelector(".bl-message") !== null;
}

function filled(template, value, format) {
  return value ? template.replace("%s", format(value)) : "";
}

function duration(seconds) {
  const [amount, unit] = seconds < 90 ? [seconds, "second"] : [Math.round(seconds / 60), "minute"];
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(amount);
}

customElements.define("task-progress", TaskProgress);
