/**
 * Force field: from every place of the picture, which way and how strongly gradient descent pushes
 * a triangle that should cover the square. Hard, NMR and soft side by side; the square and the
 * triangle can be dragged.
 */

import { drawable } from "./boxes.js";
import {
    centroid,
    COUNT,
    faces_everywhere,
    field,
    FIELD_SIZE,
    force,
    moved,
    PLACES,
    SIDE,
    square_pixels,
} from "./field.js";
import { reach } from "./formulas.js";
import { check_triangles, complete } from "./options.js";
import { GREEN, GREY, ORANGE, SCALE, scale_color } from "./palette.js";
import { element, Handle, Panel } from "./panel.js";
import { Face } from "./records.js";
import { flat_triangles, nested_triangles, Stage } from "./stage.js";

/** @import { Force } from "./field.js" */
/** @import { Arrow } from "./panel.js" */
/** @import { Model } from "./stage.js" */

const RENDERERS = ["hard", "NMR", "soft"];
// Lengths and colours of arrows are logarithmic, the same in all panels.
const WEAKEST = 1e-4, STRONGEST = 10;
const SHORT = 3.5, LONG = 11.5; // pixels of the page, for these two
const FARTHEST = 0.85; // of the square's middle: all of it stays in the picture
const FEWEST = -8; // log10 of the dist_eps below which the dial says 0
const ZERO = { corners: new Float64Array(0), x: 0, y: 0 };

class ForceField {
    /**
     * @param {Model} model
     * @param {HTMLElement} el
     */
    constructor(model, el) {
        this.model = model;
        const traits = ["triangles", "target", "sigma", "dist_eps"];
        this.stage = new Stage(model, el, traits, () => this.draw());
        this.show_sigma = this.stage.dial("sigma (blur)", -4, 0, 0.05, (power) => {
            this.stage.set("sigma", 10 ** power);
        });
        this.show_dist_eps = this.stage.dial("dist_eps (cut-off)", FEWEST, -1, 0.1, (power) => {
            this.stage.set("dist_eps", power <= FEWEST ? 0 : 10 ** power);
        });
        this.panels = RENDERERS.map(() => new Panel());
        this.stage.panels.append(...this.panels.map((panel) => panel.box), legend());
        this.squares = this.panels.map((panel, k) =>
            new Handle(panel, "the square", k === 0, (x, y) => this.move_square(x, y))
        );
        this.shapes = this.panels.map((panel, k) =>
            new Handle(panel, "the triangle", k === 0, (x, y) => this.move_shape(x, y))
        );
        /** @type {Map<string, { key: string, value: any }>} */
        this.kept = new Map();
        this.stage.show();
    }

    /**
     * @param {number} x
     * @param {number} y
     */
    move_square(x, y) {
        const inside = [x, y].map((number) => Math.min(Math.max(number, -FARTHEST), FARTHEST));
        this.stage.set("target", inside);
    }

    /**
     * @param {number} x
     * @param {number} y
     */
    move_shape(x, y) {
        const [to_x, to_y] = [x, y].map((number) => Math.min(Math.max(number, -1), 1));
        const triangles = flat_triangles(this.model.get("triangles"));
        const [from_x, from_y] = centroid(triangles);
        const there = moved(triangles, to_x - from_x, to_y - from_y);
        this.stage.set("triangles", nested_triangles(there));
    }

    /**
     * A value, computed again only if what it depends on has changed.
     * @template T
     * @param {string} name
     * @param {any[]} inputs
     * @param {() => T} compute
     * @returns {T}
     */
    keep(name, inputs, compute) {
        const key = JSON.stringify(inputs);
        let kept = this.kept.get(name);
        if (kept === undefined || kept.key !== key) {
            kept = { key, value: compute() };
            this.kept.set(name, kept);
        }
        return kept.value;
    }

    /**
     * The field of one renderer.
     * @param {string} renderer
     * @param {Float64Array} triangles
     * @param {number[]} target
     * @param {{ sigma: number, dist_eps: number }} dials
     * @returns {Force[]}
     */
    forces(renderer, triangles, target, dials) {
        const [x, y] = centroid(triangles);
        // Where the shape stands does not count; 1e-9 of it is rounding.
        const shape = Array.from(moved(triangles, -x, -y), (number) => number.toFixed(9));
        const faces = () => this.keep("faces", shape, () => faces_everywhere(triangles));
        return this.keep(
            renderer,
            [shape, target, renderer === "soft" ? dials : null],
            () => field(renderer, triangles, target, dials, renderer === "NMR" ? faces() : []),
        );
    }

    draw() {
        const triangles = flat_triangles(this.model.get("triangles"));
        const target = this.model.get("target");
        const dials = { sigma: this.model.get("sigma"), dist_eps: this.model.get("dist_eps") };
        const { sigma, dist_eps } = dials;
        this.show_sigma(Math.log10(sigma), sigma.toExponential(1));
        const cut = dist_eps === 0 ? "0: every pair counts" : dist_eps.toExponential(1);
        this.show_dist_eps(dist_eps > 0 ? Math.log10(dist_eps) : FEWEST, cut);
        for (const panel of this.panels) panel.clear("", "Nothing is drawn.");
        check_triangles(triangles, null, 0);
        const middle = centroid(triangles);
        const counts = [], aims = [], here = [];
        for (const [k, renderer] of RENDERERS.entries()) {
            const forces = triangles.length === 0
                ? PLACES.map(() => ZERO)
                : this.forces(renderer, triangles, target, dials);
            const push = force(renderer, triangles, square_pixels(target), dials);
            const count = forces.filter(moves).length;
            counts.push(`${renderer} ${count}`);
            if (count > 0) aims.push(`${renderer} ${(100 * aimed(forces, target)).toFixed(0)} %`);
            here.push(`${renderer} ${size_of(push)}`);
            this.draw_panel(k, count, forces, push, triangles, target);
            this.squares[k].show(target);
            this.shapes[k].show(middle);
        }
        return words(triangles, counts, aims, here, dials);
    }

    /**
     * @param {number} k
     * @param {number} count
     * @param {Force[]} forces
     * @param {Force} push
     * @param {Float64Array} triangles
     * @param {number[]} target
     */
    draw_panel(k, count, forces, push, triangles, target) {
        const panel = this.panels[k], half = SIDE / 2, [x, y] = target;
        const caption = `${RENDERERS[k]}: moves from ${count} of ${COUNT * COUNT}`;
        panel.clear(caption, `${caption} places. Arrows show the push, dots that there is none.`);
        const signs = [[-1, -1], [1, -1], [1, 1], [-1, 1]];
        panel.outline(signs.map(([right, up]) => [x + right * half, y + up * half]), ORANGE, 4);
        draw_field(panel, forces);
        for (let n = 0; n < triangles.length; n += 9) {
            const corners = [0, 3, 6].map((m) => [triangles[n + m], triangles[n + m + 1]]);
            panel.outline(corners, "#ffffff", 2);
        }
        if (triangles.length === 0) return;
        if (moves(push)) panel.arrows([arrow(centroid(triangles), push, 3)], GREEN, 5);
        else panel.dots([centroid(triangles)], GREY, 3);
    }
}

/** @param {Force} push */
function moves(push) {
    return push.x !== 0 || push.y !== 0;
}

/** @param {Force} push */
function size_of(push) {
    return moves(push) ? Math.hypot(push.x, push.y).toExponential(1) : "0";
}

/**
 * How strong a push is on the scale of the arrows, from 0 to 1.
 * @param {Force} push
 */
function level(push) {
    const part = Math.log(Math.hypot(push.x, push.y) / WEAKEST) / Math.log(STRONGEST / WEAKEST);
    return Math.min(Math.max(part, 0), 1);
}

/**
 * @param {number[]} start
 * @param {Force} push
 * @param {number} zoom
 * @returns {Arrow}
 */
function arrow(start, push, zoom) {
    const length = zoom * (SHORT + (LONG - SHORT) * level(push));
    return { start, x: push.x, y: push.y, length };
}

/**
 * An arrow at each of PLACES, or a dot where nothing pushes.
 * @param {Panel} panel
 * @param {Force[]} forces
 */
function draw_field(panel, forces) {
    panel.dots(PLACES.filter((_, n) => !moves(forces[n])), GREY, 1);
    /** @type {Map<string, Arrow[]>} */
    const by_color = new Map(SCALE.map((color) => [color, []]));
    for (const [n, push] of forces.entries()) {
        if (moves(push)) by_color.get(scale_color(level(push)))?.push(arrow(PLACES[n], push, 1));
    }
    for (const [color, arrows] of by_color) panel.arrows(arrows, color, 2);
}

/**
 * Of the places where the shape moves, the share where it moves within 45 degrees of the target.
 * @param {Force[]} forces
 * @param {number[]} target
 */
function aimed(forces, target) {
    let all = 0, good = 0;
    for (const [n, push] of forces.entries()) {
        if (!moves(push)) continue;
        const way_x = target[0] - PLACES[n][0], way_y = target[1] - PLACES[n][1];
        const along = push.x * way_x + push.y * way_y;
        const sizes = Math.hypot(push.x, push.y) * Math.hypot(way_x, way_y);
        all += 1;
        good += along > sizes * Math.SQRT1_2 ? 1 : 0;
    }
    return good / all;
}

/**
 * @param {Float64Array} triangles
 * @param {string[]} counts
 * @param {string[]} aims
 * @param {string[]} here
 * @param {{ sigma: number, dist_eps: number }} dials
 */
function words(triangles, counts, aims, here, dials) {
    if (triangles.length === 0) return "There is no triangle, so nothing is pushed.";
    if (!any_drawable(triangles)) {
        return "A triangle without area, or with a corner behind the eye, is not drawn.";
    }
    const far = dials.dist_eps === 0
        ? "every pixel"
        : `${reach(dials.sigma, dials.dist_eps).toFixed(2)} NDC`;
    return `Of ${COUNT * COUNT} places the triangle moves from: ${counts.join(", ")}. ` +
        `Of these arrows so many point within 45 degrees of the target: ` +
        `${aims.join(", ") || "none"}. Soft reaches ${far}. ` +
        `The push on the white triangle, where it is (green arrow): ${here.join(", ")}.`;
}

/** @param {Float64Array} triangles */
function any_drawable(triangles) {
    const f = new Face();
    for (let n = 0; n < triangles.length / 9; n++) {
        f.read(triangles, n);
        const nearest = Math.min(...[2, 5, 8].map((k) => triangles[9 * n + k]));
        if (drawable(f, nearest, complete({ size: FIELD_SIZE }))) return true;
    }
    return false;
}

/** The scale of the arrows. */
function legend() {
    const box = element("div", "live-legend"), bar = element("span", "live-scale");
    bar.style.background = `linear-gradient(to right, ${SCALE.join(", ")})`;
    const title = "size of the push (loss a NDC), by colour and length, in all panels alike: ";
    box.append(title, element("span", "", "0.0001 "), bar, element("span", "", " 10"));
    return box;
}

/**
 * What anywidget calls, and what a page calls with a `PageModel`.
 * @param {{ model: Model, el: HTMLElement }} place
 */
function render({ model, el }) {
    const explorer = new ForceField(model, el);
    return () => explorer.stage.close();
}

export default { render };
