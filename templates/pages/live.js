"use strict";
(() => {
  const events = document.documentElement.dataset.events;
  const told = document.getElementById("connection"), news = document.getElementById("news"), hold = document.getElementById("hold");
  if (!events || !window.EventSource || !told) return;
  const here = () => new URL(location.pathname + location.search, location.origin);
  let shown = document.documentElement.dataset.stamp, due = false, busy = false, held = false, wait = 1000;

  const say = (text) => { if (told.textContent !== text) told.textContent = text; };
  const headline = () => document.getElementById("headline")?.textContent.trim() ?? "";

  /* Where somebody is: what has the focus, else the first thing that is in sight and has a name. */
  const anchors = () => [document.activeElement, ...document.querySelectorAll("main [id]")].filter(
    (each) => each && each !== document.body && each.id && each.getBoundingClientRect().bottom > 0
  );
  const key = (element) => {
    if (!element || element === document.body) return null;
    if (element.id) return (root) => root.getElementById(element.id);
    const section = element.closest("[data-live]"), href = element.getAttribute("href");
    const alike = href ? `a[href="${CSS.escape(href)}"]` : element.localName;
    const index = section ? [...section.querySelectorAll(alike)].indexOf(element) : -1;
    return index < 0 ? null : (root) => root.getElementById(section.id)?.querySelectorAll(alike)[index];
  };

  const take = (fresh) => {
    const before = headline(), focused = document.activeElement, again = key(focused);
    const near = anchors().slice(0, 20).map((each) => [each.id, each.getBoundingClientRect().top]);
    const open = new Set([...document.querySelectorAll("details[open][id]")].map((each) => each.id));
    for (const old of document.querySelectorAll("[data-live]")) {
      const now = fresh.getElementById(old.id);
      if (!now) continue;
      for (const each of now.querySelectorAll("details[id]")) each.open = open.has(each.id);
      if (!old.isEqualNode(now)) old.replaceWith(document.importNode(now, true));
    }
    document.title = fresh.title;
    if (again && !focused.isConnected) again(document)?.focus({ preventScroll: true });
    const [name, top] = near.find(([id]) => document.getElementById(id)) ?? [];
    if (name) scrollBy({ top: document.getElementById(name).getBoundingClientRect().top - top, behavior: "instant" });
    if (headline() !== before) news.textContent = headline();
    shown = fresh.documentElement.dataset.stamp ?? shown;
  };

  const update = async () => {
    due = true;
    if (busy || held || String(getSelection())) return;
    busy = true;
    try {
      while (due && !held) {
        due = false;
        const answer = await fetch(here(), { cache: "no-store", credentials: "same-origin", headers: { Accept: "text/html" } });
        if (!answer.ok && answer.status !== 404) throw new Error(String(answer.status));
        take(new DOMParser().parseFromString(await answer.text(), "text/html"));
      }
      say("Live: this page changes when something does.");
    } catch {
      due = true;
      say("This page could not be read again; trying once more soon.");
      setTimeout(() => due && update(), 5000);
    } finally {
      busy = false;
    }
  };

  const connect = () => {
    const stream = new EventSource(new URL(events, location.origin));
    stream.addEventListener("open", () => { wait = 1000; say("Live: this page changes when something does."); });
    stream.addEventListener("change", (event) => { if (event.lastEventId !== shown) update(); });
    stream.addEventListener("error", () => {
      say("Not connected; trying again. What is shown may be old.");
      if (stream.readyState !== EventSource.CLOSED) return;
      setTimeout(connect, wait);
      wait = Math.min(wait * 2, 60000);
    });
  };

  document.documentElement.style.overflowAnchor = "none";
  document.addEventListener("selectionchange", () => { if (due && !String(getSelection())) update(); });
  hold.hidden = false;
  hold.addEventListener("click", () => {
    held = !held;
    hold.setAttribute("aria-pressed", String(held));
    if (!held && due) update();
  });
  connect();
})();
