// The middleware onion, with layers that change places.
import { Lab, button, choice, h, label } from "./lab.js";
import { LAYERS, ORDER, REQUESTS, pass } from "./onion.js";

customElements.define("lab-onion", class extends Lab {
  name = "the layers around a handler";

  build(body) {
    this.order = [...ORDER];
    this.request = "plain";
    this.layers = h("ol", { "data-part": "layers", "aria-label": "Layers, from the outside in" });
    this.way = h("ol", { "aria-label": "The way of the request and of its answer" });
    body.append(
      h("div", { class: "lab-bar" }, label("Request", choice(Object.entries(REQUESTS), request => this.send(request)))),
      h("p", {}, "From the outside in. The handler is inside of them all."),
      this.layers,
      h("div", { class: "lab-bar" }, button("The order of the chapter", () => this.arrange([...ORDER]))),
      this.status, this.way);
    this.arrange(this.order);
  }

  send(request) {
    this.request = request;
    this.show();
  }

  arrange(order) {
    this.order = order;
    this.layers.replaceChildren(...order.map((layer, at) => {
      const { name } = LAYERS[layer];
      const move = (by, word, sign) => button(sign, () => this.move(at, by), {
        "aria-label": `${name}: further ${word}`, "data-move": `${layer} ${word}`,
        disabled: at + by < 0 || at + by >= order.length,
      });
      return h("li", {}, h("span", { class: "lab-bar" }, name, move(-1, "out", "\u2191"), move(1, "in", "\u2193")));
    }));
    this.show();
  }

  move(at, by) {
    const order = [...this.order];
    [order[at], order[at + by]] = [order[at + by], order[at]];
    this.arrange(order);
    // The list has been made anew; the same layer keeps the focus, for who moves it by keyboard.
    const buttons = this.layers.children[at + by].querySelectorAll("button");
    const same = buttons[by < 0 ? 0 : 1];
    (same.disabled ? buttons[by < 0 ? 1 : 0] : same).focus();
  }

  show() {
    const { steps, status, has } = pass(this.order, this.request);
    this.way.replaceChildren(...steps.map(({ layer, text }) =>
      h("li", {}, `${LAYERS[layer]?.name ?? layer}: ${text}`)));
    const lacks = Object.values(LAYERS).map(({ does }) => does).filter(does => does && !has.includes(does));
    this.say(status === null
      ? "No layer catches the panic: the client gets no answer, and the connection ends."
      : `The client gets ${status}. It has: ${has.join(", ") || "nothing"}.${lacks.length ? ` Without: ${lacks.join(", ")}.` : ""}`);
  }
});
