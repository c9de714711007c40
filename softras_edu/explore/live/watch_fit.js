/**
 * Watch it fit: draw a target, press play, and triangles descend on it, step by step. Hard, NMR or
 * soft; sigma goes from a start to an end; the curve of the loss grows beside it.
 */

import { Fit, iou, silhouette } from "./descend.js";
import { draw_curve } from "./loss_curve.js";
import { mask_of, SHAPES, stroke, TARGETS } from "./masks.js";
import { MAP, SKY } from "./palette.js";
import { element, Handle, keep_keys, Panel } from "./panel.js";
import { flat_triangles, nested_triangles, Stage } from "./stage.js";

/** @import { FitDials } from "./descend.js" */
/** @import { Model } from "./stage.js" */

const SIZE = 64; // pixels a side of a new mask
const RADIUS = 0.09; // of the brush, NDC
const BUSY = 12; // milliseconds of descent a frame: the rest of its 16 is for drawing
const YOURS = "your own", PAINT = "paint", WIPE = "wipe";
const PAPER = [33, 33, 33], INK = [150, 104, 0]; // of the target: dark enough for white and sky

class WatchFit {
    /**
     * @param {Model} model
     * @param {HTMLElement} el
     */
    constructor(model, el) {
        this.model = model;
        const traits = ["target", "triangles", "renderer", "sigma_start", "sigma_end", "lr"];
        this.stage = new Stage(model, el, [...traits, "steps"], () => this.draw());
        this.tool = PAINT;
        this.dials_on_page = this.add_dials();
        this.play_button = this.add_buttons();
        this.paper = new Panel();
        this.render = new Panel();
        this.curve = new Panel();
        this.stage.panels.append(this.paper.box, this.render.box, this.curve.box);
        this.brush = new Handle(
            this.paper,
            "the brush, Space paints, Delete wipes",
            true,
            (x, y) => this.move_brush(x, y),
        );
        this.listen();
        this.playing = false;
        this.rate = 0; // steps a second
        this.time = 0;
        /** @type {number[] | null} where a stroke has come to */
        this.pen_at = null;
        this.brush_at = [0, 0];
        this.fit = new Fit(new Float64Array(0));
        this.known = this.fit.triangles; // those of the trait
        this.stage.show();
    }

    /** The dials, each as what shows where it stands. */
    add_dials() {
        const { stage } = this;
        const log_dial = (/** @type {string} */ words, /** @type {string} */ name) =>
            stage.dial(words, -5, -1, 0.1, (power) => stage.set(name, 10 ** power));
        const start = log_dial("sigma, first step", "sigma_start");
        const end = log_dial("sigma, last step", "sigma_end");
        const lr = stage.dial("lr (of Adam)", -3, -1, 0.05, (power) => {
            stage.set("lr", 10 ** power);
        });
        const renderer = stage.choice("renderer", ["soft", "NMR", "hard"], (name) => {
            stage.set("renderer", name);
        });
        stage.choice("starts as", Object.keys(SHAPES), (name) => {
            stage.set("triangles", nested_triangles(SHAPES[name]()));
        });
        const target = stage.choice("target", [YOURS, ...Object.keys(TARGETS)], (name) => {
            if (name !== YOURS) this.set_mask(mask_of(name, this.sheet().size));
        });
        stage.choice("the brush", [PAINT, WIPE], (name) => {
            this.tool = name;
        });
        return { start, end, lr, renderer, target };
    }

    add_buttons() {
        const row = element("div", "live-dial");
        const play = this.button(row, "play", () => this.play(!this.playing));
        this.button(row, "step", () => this.one_step());
        this.button(row, "reset", () => this.reset());
        this.button(row, "clear the target", () => {
            this.set_mask(this.sheet().numbers.map(() => 0));
        });
        this.stage.dials.append(row);
        return play;
    }

    /**
     * @param {HTMLElement} row
     * @param {string} words
     * @param {() => void} pressed
     */
    button(row, words, pressed) {
        const made = element("button", "live-choice", words);
        made.type = "button";
        keep_keys(made);
        made.addEventListener("click", pressed);
        row.append(made);
        return made;
    }

    /** The pointer draws on the paper itself; the ring of the brush is there for the keys. */
    listen() {
        const { canvas } = this.paper;
        canvas.style.touchAction = "none";
        canvas.style.cursor = "crosshair";
        this.brush.ring.style.pointerEvents = "none";
        canvas.addEventListener("pointerdown", (event) => {
            canvas.setPointerCapture(event.pointerId);
            event.preventDefault();
            this.pen_at = null;
            this.touch(this.paper.point(event));
        });
        canvas.addEventListener("pointermove", (event) => {
            if (canvas.hasPointerCapture(event.pointerId)) this.touch(this.paper.point(event));
        });
        this.brush.ring.addEventListener("keydown", (event) => {
            const paints = event.key === " ";
            if (!paints && event.key !== "Delete" && event.key !== "Backspace") return;
            event.preventDefault();
            event.stopPropagation();
            this.lay(this.brush_at, this.brush_at, paints ? this.tool !== WIPE : false);
        });
    }

    /** @param {number[]} point */
    touch(point) {
        this.lay(this.pen_at ?? point, point, this.tool !== WIPE);
        this.pen_at = point;
        this.move_brush(point[0], point[1]);
    }

    /**
     * @param {number} x
     * @param {number} y
     */
    move_brush(x, y) {
        this.brush_at = [x, y].map((number) => Math.min(Math.max(number, -1), 1));
        this.brush.show(this.brush_at); // at once: the next key may come before the next frame
        this.stage.redraw();
    }

    /**
     * @param {number[]} start
     * @param {number[]} end
     * @param {boolean} paints
     */
    lay(start, end, paints) {
        const { numbers, size } = this.sheet();
        this.set_mask(stroke(numbers, size, start, end, RADIUS, paints ? 1 : 0));
    }

    /** The target as numbers, or a RangeError. */
    mask() {
        const rows = this.model.get("target"), size = rows.length;
        const numbers = Float64Array.from(rows.flat(), (x) => x === null ? NaN : Number(x));
        if (size < 8 || size > 128 || numbers.length !== size * size) {
            const wanted = "H = W rows of pixels, from 8 to 128";
            throw new RangeError(`target: got ${size} rows of a mask, wanted ${wanted}`);
        }
        if (!numbers.every((x) => x >= 0 && x <= 1)) {
            throw new RangeError("target: got NaN or a number out of range, wanted 0 to 1");
        }
        return { numbers, size };
    }

    /** What the brush draws on: the target, or an empty one where it is no mask. */
    sheet() {
        try {
            return this.mask();
        } catch (error) {
            if (!(error instanceof RangeError)) throw error; // it is said by `draw`
            return { numbers: new Float64Array(SIZE * SIZE), size: SIZE };
        }
    }

    /** @param {Float64Array} numbers */
    set_mask(numbers) {
        const size = Math.sqrt(numbers.length);
        const rows = Array.from(
            { length: size },
            (_, i) => Array.from(numbers.subarray(i * size, (i + 1) * size)),
        );
        this.stage.set("target", rows);
    }

    /** @param {boolean} on */
    play(on) {
        if (on && this.fit.losses.length >= this.model.get("steps")) this.reset();
        this.playing = on;
        this.time = performance.now();
        if (!on) this.publish();
        this.stage.redraw();
    }

    one_step() {
        this.playing = false;
        const { numbers, size } = this.sheet();
        this.fit.step(numbers, this.dials(size));
        this.publish();
    }

    /** Back to where the triangles started. */
    reset() {
        this.playing = false;
        this.fit = new Fit(this.fit.start);
        this.publish();
    }

    /** What is on the screen becomes what Python reads. */
    publish() {
        const nested = nested_triangles(this.fit.triangles);
        this.known = flat_triangles(nested);
        this.model.set("losses", [...this.fit.losses]);
        this.stage.set("triangles", nested);
    }

    /**
     * @param {number} size
     * @returns {FitDials}
     */
    dials(size) {
        const [renderer, sigma_start, sigma_end, lr, steps] = [
            "renderer",
            "sigma_start",
            "sigma_end",
            "lr",
            "steps",
        ]
            .map((name) => this.model.get(name));
        return { renderer, size, sigma_start, sigma_end, lr, steps };
    }

    /** Other triangles than those that were published have been set: the fit starts from them. */
    take_triangles() {
        const given = flat_triangles(this.model.get("triangles"));
        const same = given.length === this.known.length &&
            given.every((number, k) => Object.is(number, this.known[k]));
        if (same) return;
        this.playing = false;
        this.fit = new Fit(given);
        this.known = given;
        if (this.model.get("losses").length > 0) this.model.set("losses", []);
    }

    /**
     * Steps for BUSY milliseconds.
     * @param {Float64Array} target
     * @param {FitDials} dials
     */
    descend(target, dials) {
        const start = performance.now(), before = this.fit.losses.length;
        do {
            this.fit.step(target, dials);
        } while (performance.now() - start < BUSY && this.fit.losses.length < dials.steps);
        const steps = this.fit.losses.length - before;
        const rate = 1000 * steps / Math.max(performance.now() - this.time, 1);
        this.rate = before === 0 ? rate : 0.9 * this.rate + 0.1 * rate;
        this.time = performance.now();
        if (this.fit.losses.length < dials.steps) this.stage.redraw();
        else this.play(false);
    }

    draw() {
        for (const panel of [this.paper, this.render, this.curve]) {
            panel.clear("", "Nothing is drawn.");
        }
        this.brush.show(this.brush_at);
        try {
            return this.draw_panels();
        } catch (error) {
            this.playing = false;
            throw error;
        } finally {
            this.play_button.textContent = this.playing ? "pause" : "play";
        }
    }

    draw_panels() {
        const { numbers: target, size } = this.mask(), dials = this.dials(size);
        this.show_dials(dials, target);
        this.take_triangles();
        const empty = !target.some((x) => x > 0.5);
        if (empty) this.playing = false;
        if (this.playing) this.descend(target, dials);
        const { fit } = this, sigma = fit.sigma(dials);
        const { alpha } = silhouette(dials.renderer, fit.triangles, size, sigma);
        const loss = iou(alpha, target), hard = hard_iou(alpha, target);
        this.draw_target(target, size);
        this.draw_render(alpha, size, dials.renderer);
        draw_curve(this.curve, fit.losses, dials);
        if (fit.triangles.length === 0) return "There is no triangle, so nothing descends.";
        if (empty) return "There is no target: draw one on the left panel, or choose one.";
        if (this.playing) return "Descending. Pause for the numbers.";
        return `Step ${fit.losses.length} of ${dials.steps}, ${dials.renderer}, ` +
            `sigma ${sigma.toExponential(2)}: loss ${loss.toFixed(4)}, ` +
            `intersection over union of the pixels above one half ${hard.toFixed(3)}. ` +
            `${this.rate > 0 ? `It ran at ${this.rate.toFixed(0)} steps a second. ` : ""}` +
            `${dials.renderer === "hard" ? "The z-buffer has no gradient: nothing moves. " : ""}`;
    }

    /**
     * @param {FitDials} dials
     * @param {Float64Array} target
     */
    show_dials(dials, target) {
        const { sigma_start, sigma_end, lr, renderer, size } = dials;
        const shown = this.dials_on_page;
        shown.start(Math.log10(sigma_start), sigma_start.toExponential(1));
        shown.end(Math.log10(sigma_end), sigma_end.toExponential(1));
        shown.lr(Math.log10(lr), lr.toFixed(4));
        shown.renderer(renderer);
        if (this.playing) return; // to look for the target's name takes a while
        const names = Object.keys(TARGETS);
        const name = names.find((one) => mask_of(one, size).every((x, k) => x === target[k]));
        shown.target(name ?? YOURS);
    }

    /**
     * @param {Float64Array} target
     * @param {number} size
     */
    draw_target(target, size) {
        const alt = "Your target, orange; the triangles' outlines, blue. Draw here.";
        this.paper.clear("target: draw here", alt);
        this.paper.paint(picture_of(target, size, (x) => x > 0.5 ? INK : PAPER));
        this.draw_triangles(this.paper);
        const [x, y] = this.brush_at,
            around = Array.from({ length: 24 }, (_, k) => {
                const angle = Math.PI * k / 12;
                return [x + RADIUS * Math.cos(angle), y + RADIUS * Math.sin(angle)];
            });
        this.paper.outline(around, "#ffffff", 1);
    }

    /**
     * @param {Float64Array} alpha
     * @param {number} size
     * @param {string} renderer
     */
    draw_render(alpha, size, renderer) {
        const rate = this.playing ? `, ${this.rate.toFixed(0)} steps a second` : "";
        const alt = `The silhouette that descent sees, ${renderer}: yellow 1, dark blue 0.`;
        this.render.clear(`${renderer}: alpha${rate}`, alt);
        this.render.paint(picture_of(alpha, size, (x) => MAP[Math.round(255 * x)]));
        this.draw_triangles(this.render);
    }

    /** @param {Panel} panel */
    draw_triangles(panel) {
        const t = this.fit.triangles;
        for (let n = 0; n < t.length; n += 9) {
            panel.outline([0, 3, 6].map((k) => [t[n + k], t[n + k + 1]]), SKY, 1);
        }
    }
}

/**
 * A picture of (H, W) numbers, coloured.
 * @param {Float64Array} numbers
 * @param {number} size
 * @param {(number: number) => number[]} color
 */
function picture_of(numbers, size, color) {
    const picture = new ImageData(size, size);
    for (let pixel = 0; pixel < numbers.length; pixel++) {
        picture.data.set([...color(numbers[pixel]), 255], 4 * pixel);
    }
    return picture;
}

/**
 * Intersection over union of the pixels above one half.
 * @param {Float64Array} alpha
 * @param {Float64Array} target
 */
function hard_iou(alpha, target) {
    const above = (/** @type {number} */ x) => x > 0.5 ? 1 : 0;
    return 1 - iou(alpha.map(above), target.map(above));
}

/**
 * What anywidget calls, and what a page calls with a `PageModel`.
 * @param {{ model: Model, el: HTMLElement }} place
 */
function render({ model, el }) {
    const explorer = new WatchFit(model, el);
    return () => explorer.stage.close();
}

export default { render };
