"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const root = document.documentElement;

  // Text from a model is only ever set as text.
  const make = (name, attributes = {}, ...inside) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...inside);
    return element;
  };

  // Colours: what the reader chose last, where the browser lets a page remember.
  const remembered = (value) => {
    try {
      if (value === undefined) return localStorage.getItem("reslint-theme") || "auto";
      localStorage.setItem("reslint-theme", value);
    } catch { /* a page from a file may not be allowed to */ }
    return "auto";
  };
  const theme = $("theme");
  const dress = (value) => {
    if (value === "light" || value === "dark") root.dataset.theme = value;
    else delete root.dataset.theme;
  };
  const chosen = theme.querySelector(`input[value="${remembered()}"]`.replace(/[^\w\[\]="]/g, ""));
  if (chosen) { chosen.checked = true; dress(chosen.value); }
  theme.addEventListener("change", (event) => { dress(event.target.value); remembered(event.target.value); });
  theme.hidden = false;

  // Findings
  const form = $("filters");
  if (form) {
    const all = [...$("found").children].map((element) => ({ element, text: element.textContent.toLowerCase() }));
    const filter = () => {
      const asked = new FormData(form);
      const severities = asked.getAll("severity");
      const text = asked.get("text").trim().toLowerCase();
      let shown = 0;
      for (const one of all) {
        const its = one.element.dataset;
        const fits = severities.includes(its.severity)
          && ["rule", "family", "model"].every((key) => !asked.get(key) || asked.get(key) === its[key])
          && one.text.includes(text);
        one.element.hidden = !fits;
        shown += fits;
      }
      const total = `${all.length} finding${all.length === 1 ? "" : "s"}`;
      $("shown").textContent = shown === all.length ? total : `${shown} of ${total}`;
      $("filtered-out").hidden = shown > 0;
    };
    form.addEventListener("input", filter);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(filter));
    form.hidden = false;
    filter();
  }

  // Blocks: read from the page's own data when a model's first one is opened.
  const known = new Map();
  const data = (model) => {
    if (!known.has(model)) known.set(model, JSON.parse($(`data-${model}`).textContent));
    return known.get(model);
  };
  const modelOf = (element) => element.closest(".picture").dataset.model;

  const table = (title, steps, texts) => {
    if (!steps.length) return [];
    const headings = ["op", "output", "weight", "MAC", "module", "source", "tensor", "node"];
    const used = headings.map((_, at) => steps.some((step) => texts[step[at]]));
    const row = (cells, cell) => make("tr", {}, ...cells.filter((_, at) => used[at]).map(cell));
    const head = row(headings.map((says, at) => [says, at]), ([says, at]) =>
      make("th", at === 3 ? { scope: "col", class: "number" } : { scope: "col" }, says));
    const body = steps.map((step) => row(step.map((text, at) => [texts[text], at]), ([says, at]) =>
      make("td", at === 3 ? { class: "number" } : {}, says)));
    const drawn = make("table", {}, make("thead", {}, head), make("tbody", {}, ...body));
    const count = `${title}: ${steps.length} op${steps.length === 1 ? "" : "s"}`;
    return [make("h6", {}, count), make("div", { class: "wide", tabindex: "0", role: "group", "aria-label": count }, drawn)];
  };

  const told = (number) => {
    const finding = $(`f${number}`);
    const severity = finding.dataset.severity;
    const link = make("a", { href: `#f${number}` }, finding.dataset.rule);
    link.addEventListener("click", (event) => { event.preventDefault(); show(finding); });
    const says = finding.querySelector(".said").textContent;
    return make("li", {}, make("span", { class: `badge ${severity}` }, severity), " ", link, ` ${says}`);
  };
  const show = (finding) => {
    if (finding.hidden) form.reset();
    finding.hidden = false;
    finding.querySelector("details").open = true;
    finding.querySelector("summary").focus({ preventScroll: true });
    finding.scrollIntoView({ block: "center" });
  };

  const close = (panel, focus) => {
    const button = panel.closest(".row").querySelector('.block[aria-expanded="true"]');
    panel.hidden = true;
    panel.replaceChildren();
    if (button) button.setAttribute("aria-expanded", "false");
    if (button && focus) button.focus();
  };
  const open = (button) => {
    const panel = button.closest(".row").querySelector(".panel");
    const before = button.getAttribute("aria-expanded") === "true";
    close(panel, false);
    if (before) return;
    const { blocks, texts } = data(modelOf(button));
    const number = Number(button.dataset.block);
    const block = blocks[number];
    const name = texts[block.name[1]];
    const away = make("button", { type: "button", class: "close" }, "Close");
    away.addEventListener("click", () => close(panel, true));
    const facts = block.facts.map(([key, value]) =>
      make("div", {}, make("dt", {}, texts[key]), make("dd", {}, texts[value])));
    facts.push(make("div", {}, make("dt", {}, "place"), make("dd", {}, `block ${number + 1} of ${blocks.length}`)));
    panel.replaceChildren(
      make("header", {}, make("h5", { tabindex: "-1" }, name), away),
      ...(block.findings.length ? [make("ul", {}, ...block.findings.map(told))] : []),
      make("dl", { class: "facts" }, ...facts),
      ...table("Shortcut", block.shortcut, texts),
      ...table("Branch", block.branch, texts),
    );
    panel.setAttribute("role", "region");
    panel.setAttribute("aria-label", name);
    panel.hidden = false;
    button.setAttribute("aria-expanded", "true");
  };

  // Folds: the blocks that an unfolded one stands for are made when they are asked for.
  const unfold = (button) => {
    const list = button.nextElementSibling;
    const size = Number(button.dataset.size);
    const opened = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!opened));
    if (opened) {
      if (list.querySelector('.block[aria-expanded="true"]')) close(button.closest(".row").querySelector(".panel"), false);
      while (list.children.length > size) list.lastElementChild.remove();
      return;
    }
    const { blocks, texts } = data(modelOf(button));
    const like = [...list.children];
    const more = document.createDocumentFragment();
    for (let number = Number(button.dataset.first) + size; number < Number(button.dataset.end); number++) {
      const item = like[(number - button.dataset.first) % size].cloneNode(true);
      const block = item.querySelector(".block");
      block.dataset.block = String(number);
      block.setAttribute("aria-expanded", "false");
      block.querySelector(".name").textContent = texts[blocks[number].name[0]];
      more.append(item);
    }
    list.append(more);
  };

  // A link to a block opens all that it lies in.
  const reveal = (model, number) => {
    const picture = document.querySelector(`.picture[data-model="${model}"]`);
    for (const fold of picture.querySelectorAll('.times[aria-expanded="false"]')) {
      if (number >= Number(fold.dataset.first) + Number(fold.dataset.size) && number < Number(fold.dataset.end)) unfold(fold);
    }
    const button = picture.querySelector(`.block[data-block="${number}"]`);
    for (let around = button.closest("details"); around; around = around.parentElement.closest("details")) around.open = true;
    if (button.getAttribute("aria-expanded") === "false") open(button);
    button.focus({ preventScroll: true });
    button.scrollIntoView({ block: "center" });
  };

  document.addEventListener("click", (event) => {
    const block = event.target.closest("button.block");
    const fold = event.target.closest(".times");
    const link = event.target.closest("[data-open]");
    if (block) open(block);
    else if (fold) unfold(fold);
    else if (link) {
      event.preventDefault();
      reveal(...link.dataset.open.split("-").map(Number));
    }
  });
  document.addEventListener("keydown", (event) => {
    const panel = event.target.closest(".panel");
    const block = event.target.closest("button.block");
    if (event.key === "Escape" && (panel || block)) {
      const opened = panel || block.closest(".row").querySelector(".panel");
      if (!opened.hidden) close(opened, true);
    }
    if (!block || !["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) return;
    const row = [...block.closest(".stream").querySelectorAll(".block")];
    const at = row.indexOf(block);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: row.length - 1 }[event.key];
    if (row[to]) { row[to].focus(); event.preventDefault(); }
  });

  // A link into a model that is folded unfolds it.
  const unroll = () => {
    const target = location.hash && $(location.hash.slice(1));
    const details = target && target.querySelector(":scope > details");
    if (details) details.open = true;
  };
  window.addEventListener("hashchange", unroll);
  document.addEventListener("click", (event) => { if (event.target.closest('a[href^="#m"]')) setTimeout(unroll); });
  unroll();
})();
