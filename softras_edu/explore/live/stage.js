/**
 * What live explorers share: dials, a read-out, and a model whose traits Python reads and sets.
 *
 * The model is anywidget's: `get`, `set`, `save_changes`, `on`, `off`. On a page without a kernel a
 * `PageModel` takes its place.
 */

import { element, keep_keys } from "./panel.js";

/**
 * @typedef {object} Model
 * @property {(name: string) => any} get
 * @property {(name: string, value: any) => void} set
 * @property {() => void} save_changes
 * @property {(event: string, call: () => void) => void} on
 * @property {(event: string, call: () => void) => void} off
 */

/** Traits without a kernel. */
export class PageModel {
    /** @param {Record<string, any>} traits */
    constructor(traits) {
        this.traits = traits;
        /** @type {Map<string, Set<() => void>>} */
        this.calls = new Map();
    }

    /** @param {string} name */
    get(name) {
        return this.traits[name];
    }

    /**
     * @param {string} name
     * @param {any} value
     */
    set(name, value) {
        this.traits[name] = value;
        for (const call of this.calls.get(`change:${name}`) ?? []) call();
    }

    save_changes() {}

    /**
     * @param {string} event
     * @param {() => void} call
     */
    on(event, call) {
        this.calls.set(event, (this.calls.get(event) ?? new Set()).add(call));
    }

    /**
     * @param {string} event
     * @param {() => void} call
     */
    off(event, call) {
        this.calls.get(event)?.delete(call);
    }
}

export class Stage {
    /**
     * @param {Model} model
     * @param {HTMLElement} el  the place on the page
     * @param {string[]} traits  those that change the picture
     * @param {() => string} draw  draws, and says what is to be seen; a RangeError is said too
     */
    constructor(model, el, traits, draw) {
        this.model = model;
        this.draw = draw;
        this.traits = traits;
        this.frame = 0;
        el.classList.add("live");
        // JupyterLab must not take keys for its own; see also `keep_keys`.
        el.setAttribute("data-lm-suppress-shortcuts", "true");
        this.dials = element("div", "live-dials");
        this.panels = element("div", "live-panels");
        this.words = element("p", "live-words");
        this.words.setAttribute("aria-live", "polite");
        el.append(this.dials, this.panels, this.words);
        if (globalThis.PointerEvent === undefined) {
            const sentence =
                "This browser has no pointer events: Tab and the arrow keys move things.";
            el.append(element("p", "live-words", sentence));
        }
        this.again = () => this.redraw();
        for (const name of traits) model.on(`change:${name}`, this.again);
    }

    /**
     * Sets a trait, in the picture and in Python.
     * @param {string} name
     * @param {any} value
     */
    set(name, value) {
        this.model.set(name, value);
        this.redraw();
    }

    /** Draws with the screen's next frame, once, however many changes come before it. */
    redraw() {
        if (this.frame !== 0) return;
        this.frame = requestAnimationFrame(() => {
            this.frame = 0;
            this.show();
            this.model.save_changes();
        });
    }

    /** Draws now. */
    show() {
        try {
            this.words.textContent = this.draw();
            this.words.removeAttribute("role");
        } catch (error) {
            if (!(error instanceof RangeError)) throw error;
            this.words.textContent = `Nothing can be drawn: ${error.message}.`;
            this.words.setAttribute("role", "alert");
        }
    }

    /**
     * A slider.
     * @param {string} name
     * @param {number} low
     * @param {number} high
     * @param {number} step
     * @param {(value: number) => void} turned
     * @returns {(value: number, words: string) => void}  shows where it stands
     */
    dial(name, low, high, step, turned) {
        const label = element("label", "live-dial");
        const input = element("input", "live-slider"), output = element("output", "live-value");
        input.type = "range";
        input.min = String(low);
        input.max = String(high);
        input.step = String(step);
        keep_keys(input);
        label.append(element("span", "live-name", name), input, output);
        this.dials.append(label);
        input.addEventListener("input", () => turned(Number(input.value)));
        return (value, words) => {
            input.value = String(value);
            input.setAttribute("aria-valuetext", words);
            output.textContent = words;
        };
    }

    /**
     * A list from which one is chosen.
     * @param {string} name
     * @param {string[]} options
     * @param {(value: string) => void} chosen
     * @returns {(value: string) => void}  shows which one is
     */
    choice(name, options, chosen) {
        const label = element("label", "live-dial"), select = element("select", "live-choice");
        select.append(...options.map((option) => element("option", "", option)));
        label.append(element("span", "live-name", name), select);
        this.dials.append(label);
        keep_keys(select);
        select.addEventListener("change", () => chosen(select.value));
        return (value) => {
            select.value = value;
        };
    }

    /** Forgets the model, when the picture leaves the page. */
    close() {
        for (const name of this.traits) this.model.off(`change:${name}`, this.again);
        cancelAnimationFrame(this.frame);
    }
}

/**
 * Triangles as a trait has them, nested lists (F, 3, 3) in which null is no number -> (F, 3, 3)
 * flat.
 * @param {(number | null)[][][]} nested
 */
export function flat_triangles(nested) {
    return Float64Array.from(nested.flat(2), (number) => number === null ? NaN : number);
}

/**
 * And back.
 * @param {Float64Array} triangles
 */
export function nested_triangles(triangles) {
    const corners = Array.from({ length: triangles.length / 3 }, (_, k) => {
        return Array.from(triangles.subarray(3 * k, 3 * k + 3));
    });
    return Array.from({ length: corners.length / 3 }, (_, n) => corners.slice(3 * n, 3 * n + 3));
}
