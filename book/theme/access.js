// What mdBook's pages lack: for readers who use a keyboard, a screen reader or a phone.
(() => {
  const root = new URL(path_to_root || ".", location.href).href;
  const page = location.href.split(/[?#]/, 1)[0].slice(root.length) || "index.html";
  const isPrint = /^print(\.html)?$/.test(page);

  // What the reader has chosen, or undefined: a browser may forbid storage, and then a choice lasts as long as the page.
  const stored = key => {
    try {
      return JSON.parse(localStorage.getItem(key)) ?? undefined;
    } catch {
      return undefined;
    }
  };
  const store = (key, value) => {
    try {
      localStorage.setItem(key, JSON.stringify(value));
    } catch {
      // The page works without it.
    }
  };

  // mdBook gives this label the state of a button (open or closed), so it must be a button.
  const toggle = document.getElementById("mdbook-sidebar-toggle");
  if (toggle) {
    toggle.setAttribute("role", "button");
    toggle.tabIndex = 0;
    toggle.addEventListener("keydown", event => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      toggle.click();
    });
  }

  // The arrow keys scroll. mdBook would turn the page with them, also when a reader only wants to scroll a wide listing,
  // so they do that only after the reader has chosen it. mdBook listens on the document, and labs within the page.
  const TURNING = "course-arrow-keys-turn-pages";
  let turns = stored(TURNING) === true;
  const isSideways = event => event.key === "ArrowLeft" || event.key === "ArrowRight";
  document.body.addEventListener("keydown", event => {
    if (isSideways(event) && !turns) event.stopPropagation();
  });
  const popup = document.getElementById("mdbook-help-popup");
  const line = popup && [...popup.querySelectorAll("p")].find(one => one.textContent.includes("→"));
  if (line) {
    const label = document.createElement("label");
    const box = document.createElement("input");
    Object.assign(box, { type: "checkbox", id: "course-arrow-keys", checked: turns });
    box.addEventListener("change", () => {
      turns = box.checked;
      store(TURNING, turns);
    });
    label.append(box, " ", ...line.childNodes);
    line.replaceChildren(label);
    // The popup opens with the key `?`. A phone has no such key, and a button is easier to find.
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "icon-button", id: "course-keys", title: "Keyboard settings" });
    button.setAttribute("aria-label", "Keyboard settings");
    button.textContent = "⌨";
    button.addEventListener("click", () => {
      document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "?", bubbles: true }));
      box.focus();
    });
    document.querySelector("#mdbook-menu-bar .left-buttons")?.append(button);
  }

  // The boxes of a checklist can be ticked, and stay ticked. They are stored by page and text, so that a list may grow.
  const boxes = isPrint ? [] : [...document.querySelectorAll('main li > input[type="checkbox"]')];
  const named = boxes.map(box => {
    const item = box.parentElement.cloneNode(true);
    item.querySelectorAll("ul, ol").forEach(inner => inner.remove());
    return [box, item.textContent.replace(/\s+/g, " ").trim()];
  });
  const TICKED = `course-ticked:${page}`;
  const ticked = new Set(stored(TICKED) ?? []);
  for (const [box, text] of named) {
    box.setAttribute("aria-label", text);
    box.disabled = false;
    box.checked ||= ticked.has(text);
    box.addEventListener("change", () => {
      if (box.checked) ticked.add(text);
      else ticked.delete(text);
      store(TICKED, [...ticked]);
    });
  }

  // A flag such as `--addr` is not broken after its hyphens. Longer words may be, or a phone would be too narrow for them.
  for (const code of document.querySelectorAll("main code")) {
    const text = code.firstChild;
    if (code.closest("pre") || code.childNodes.length !== 1 || text.nodeType !== Node.TEXT_NODE) continue;
    const words = text.data.split(/(\s+)/);
    if (!words.some(word => word.includes("-") && word.length <= 24)) continue;
    code.replaceChildren(...words.map(word => {
      if (!word.includes("-") || word.length > 24) return word;
      const whole = document.createElement("span");
      whole.className = "whole";
      whole.textContent = word;
      return whole;
    }));
  }

  // A figure never gets so small that its text cannot be read; the style needs its width for that.
  for (const svg of document.querySelectorAll(".figure:not(.plot) > svg")) {
    svg.style.setProperty("--drawn", `${svg.getAttribute("width")}px`);
  }

  // Lines of a comment that were broken because they were full become one paragraph, which is broken again at the width of
  // a narrow window. Everything is still there: a wide window and the clipboard get the lines as they were.
  const isFull = (before, next) => before.length + 1 + next.split(" ", 1)[0].length > 80;
  const COMMENT = /^(\/\/[/!]?|#)( )(?=\S)/;
  const LISTED = /^(\/\/[/!]?|#) +([-*|#>`]|\d+[.)])/;
  const hide = node => {
    const hard = document.createElement("span");
    hard.className = "hard";
    node.replaceWith(hard);
    hard.append(node);
    return hard;
  };
  function join(code) {
    let before = null;
    for (const comment of [...code.querySelectorAll(".hljs-comment")]) {
      const text = comment.textContent;
      const [marker] = text.match(COMMENT) ?? [];
      const gap = comment.previousSibling;
      const follows = before && gap?.nodeType === Node.TEXT_NODE && gap.previousSibling === before.node && /^\n *$/.test(gap.data);
      const indent = gap?.nodeType === Node.TEXT_NODE ? gap.data.length - 1 - gap.data.lastIndexOf("\n") : 0;
      const first = comment.firstChild;
      if (follows && marker && marker === before.marker && !LISTED.test(text) && first?.nodeType === Node.TEXT_NODE
        && first.data.startsWith(marker) && isFull(`${" ".repeat(indent)}${before.text}`, text.slice(marker.length))) {
        const soft = document.createElement("span");
        soft.className = "soft";
        hide(gap).after(soft);
        first.splitText(marker.length);
        hide(first);
      }
      before = marker && !comment.querySelector(".hljs-comment") ? { node: comment, marker, text } : null;
    }
  }

  // What is wider than the page scrolls by itself, so the keyboard must reach it.
  const wide = [...document.querySelectorAll("main pre, main pre > code, main .table-wrapper, main .figure")];
  const listings = new Set(document.querySelectorAll("main pre > code.hljs"));
  const reach = element => {
    if (listings.has(element)) {
      element.classList.remove("narrow");
      if (element.scrollWidth > element.clientWidth && element.clientWidth > 0) {
        if (!element.dataset.joined) {
          element.dataset.joined = "true";
          join(element);
        }
        element.classList.add("narrow");
      }
    }
    if (element.matches(".table-wrapper")) spread(element);
    if (element.scrollWidth > element.clientWidth && getComputedStyle(element).overflowX !== "visible") {
      element.tabIndex = 0;
    } else {
      element.removeAttribute("tabindex");
    }
  };

  // On a phone, a column of a table is not squeezed to one word a line: it gets the width of its longest cell, up to its
  // share of the page or the width of two words. A wider table scrolls.
  const SQUEEZED = matchMedia("(max-width: 620px)");
  function spread(wrapper) {
    const table = wrapper.querySelector("table");
    const cells = table && [...table.rows].find(row => [...row.cells].every(cell => cell.colSpan === 1))?.cells;
    if (!cells || table.classList.contains("tree")) return;
    for (const cell of cells) cell.style.minWidth = "";
    if (!SQUEEZED.matches) return;
    table.classList.add("unbroken");
    const widths = [...cells].map(cell => cell.getBoundingClientRect().width);
    table.classList.remove("unbroken");
    const most = Math.max(wrapper.clientWidth / cells.length - 1, 7.5 * parseFloat(getComputedStyle(table).fontSize));
    [...cells].forEach((cell, at) => { cell.style.minWidth = `${Math.min(widths[at], most)}px`; });
  }

  // A click on mdBook's button copies the text that is shown, so the lines are shown as they were for that moment.
  addEventListener("click", event => {
    const code = event.target.closest?.(".clip-button")?.closest("pre")?.querySelector("code.narrow");
    if (!code) return;
    code.classList.remove("narrow");
    setTimeout(() => code.classList.add("narrow"));
  }, true);

  // Called for each once it has a size, so also when a fold opens or the window changes.
  // Only a new width counts, and is handled in the next frame, because joined lines change the height that is observed.
  const widths = new WeakMap();
  const sizes = new ResizeObserver(entries => {
    const changed = entries.map(entry => entry.target).filter(element => widths.get(element) !== element.clientWidth);
    changed.forEach(element => widths.set(element, element.clientWidth));
    if (changed.length) requestAnimationFrame(() => changed.forEach(reach));
  });
  wide.forEach(element => sizes.observe(element));
})();
