/**
 * Who pulls this corner? A heat map of what each pixel contributes to one corner's gradient, along
 * the arrow of the sum and against it: for a silhouette, and for the colour of a hidden triangle.
 */

import { centroid, moved } from "./field.js";
import { check_triangles } from "./options.js";
import { GREEN, MAP } from "./palette.js";
import { element, Handle, Panel } from "./panel.js";
import { pixel_at, Probe } from "./probe.js";
import { HALF, LOSSES, pulls } from "./pulls.js";
import { flat_triangles, nested_triangles, Stage } from "./stage.js";

/** @import { Model } from "./stage.js" */
/** @import { Pulls } from "./pulls.js" */

const PULL_SIZE = 64; // pixels a side
const LIMIT = 1.5; // NDC: so far out a corner may be dragged
const FARTHEST_TARGET = 0.75; // of the square's middle: all of it stays in the picture
const CORNER_NAMES = ["corner 0", "corner 1", "corner 2"];
// Of the map: nothing, along the arrow (orange), against it (sky blue).
const NOTHING = [33, 33, 33], ALONG = [230, 159, 0], AGAINST = [86, 180, 233];
const SEEN = 1e-6; // of the strongest pixel: what is weaker is not counted, it may be rounding
// Of the arrow: its length grows with the logarithm of the gradient.
const LEAST_PULL = 1e-6, MOST_PULL = 1, SHORTEST = 14, LONGEST = 80; // pixels of the page

class CornerPull {
    /**
     * @param {Model} model
     * @param {HTMLElement} el
     */
    constructor(model, el) {
        this.model = model;
        const traits = ["triangles", "corner", "loss", "target", "pointer", "sigma", "gamma"];
        this.stage = new Stage(model, el, traits, () => this.draw());
        this.show_loss = this.stage.choice("loss", LOSSES, (name) => this.stage.set("loss", name));
        this.show_corner = this.stage.choice("corner", CORNER_NAMES, (name) => {
            this.stage.set("corner", CORNER_NAMES.indexOf(name));
        });
        this.show_sigma = this.stage.dial("sigma (blur)", -5, 0, 0.05, (power) => {
            this.stage.set("sigma", 10 ** power);
        });
        const dials = this.stage.dials.children.length;
        this.show_gamma = this.stage.dial("gamma (see-through)", -4, 0, 0.05, (power) => {
            this.stage.set("gamma", 10 ** power);
        });
        this.show_depth = this.stage.dial("blue behind by", -0.6, 1.5, 0.05, (behind) => {
            this.move_depth(behind);
        });
        /** For the hidden colour alone. */
        this.color_dials = /** @type {HTMLElement[]} */ ([...this.stage.dials.children])
            .slice(dials);
        this.picture = new Panel();
        this.map = new Panel();
        this.goal = new Panel();
        this.legend = element("div", "live-legend");
        const panels = [this.picture, this.map, this.goal];
        this.stage.panels.append(...panels.map((panel) => panel.box), this.legend);
        this.probe = new Probe(this.stage, [this.map, this.picture]);
        this.square = new Handle(this.goal, "the square", true, (x, y) => this.move_square(x, y));
        this.front = new Handle(this.picture, "the orange triangle", true, (x, y) => {
            this.move_front(x, y);
        });
        this.corners = [this.picture, this.map].flatMap((panel) =>
            CORNER_NAMES.map((name, k) => {
                const keys = panel === this.picture;
                const handle = new Handle(panel, name, keys, (x, y) => this.move_corner(k, x, y));
                handle.ring.addEventListener("focus", () => this.stage.set("corner", k));
                return handle;
            })
        );
        this.stage.show();
    }

    /**
     * @param {(triangles: Float64Array) => void} change  in place
     */
    change(change) {
        const triangles = flat_triangles(this.model.get("triangles"));
        if (triangles.length !== 18) return;
        change(triangles);
        this.stage.set("triangles", nested_triangles(triangles));
    }

    /**
     * @param {number} k
     * @param {number} x
     * @param {number} y
     */
    move_corner(k, x, y) {
        this.change((triangles) => {
            triangles[3 * k] = Math.min(Math.max(x, -LIMIT), LIMIT);
            triangles[3 * k + 1] = Math.min(Math.max(y, -LIMIT), LIMIT);
        });
    }

    /**
     * @param {number} x
     * @param {number} y
     */
    move_front(x, y) {
        const [to_x, to_y] = [x, y].map((number) => Math.min(Math.max(number, -1), 1));
        this.change((triangles) => {
            const front = triangles.slice(9), [from_x, from_y] = centroid(front);
            triangles.set(moved(front, to_x - from_x, to_y - from_y), 9);
        });
    }

    /**
     * @param {number} x
     * @param {number} y
     */
    move_square(x, y) {
        const inside = [x, y].map((number) => {
            return Math.min(Math.max(number, -FARTHEST_TARGET), FARTHEST_TARGET);
        });
        this.stage.set("target", inside);
    }

    /** @param {number} behind  how far triangle 0 is to stand behind triangle 1 */
    move_depth(behind) {
        this.change((triangles) => {
            const step = behind - depth_behind(triangles);
            for (let k = 2; k < 9; k += 3) triangles[k] += step;
        });
    }

    draw() {
        const names = ["loss", "corner", "target", "pointer", "sigma", "gamma"];
        const [loss, corner, target, pointer, sigma, gamma] = names.map((name) =>
            this.model.get(name)
        );
        this.show_loss(loss);
        this.show_corner(CORNER_NAMES[corner]);
        this.show_sigma(Math.log10(sigma), sigma.toExponential(1));
        this.show_gamma(Math.log10(gamma), gamma.toExponential(1));
        for (const panel of [this.picture, this.map, this.goal]) {
            panel.clear("", "Nothing is drawn.");
        }
        this.legend.textContent = "";
        const flat = loss === "silhouette";
        for (const dial of this.color_dials) dial.style.display = flat ? "none" : "";
        this.front.ring.hidden = flat;
        const triangles = flat_triangles(this.model.get("triangles"));
        check_triangles(triangles, null, 0);
        if (triangles.length !== 18) {
            return `There are ${triangles.length / 9} triangles; two are wanted.`;
        }
        const behind = depth_behind(triangles);
        this.show_depth(behind, behind.toFixed(2));
        const scene = { loss, triangles, target, sigma, gamma };
        const found = pulls(scene, corner, PULL_SIZE);
        const { along, size } = along_arrow(found);
        this.draw_pictures(found, flat);
        this.draw_map(along, corner);
        for (const panel of [this.picture, this.map]) {
            draw_outlines(panel, triangles, flat);
            draw_arrow(panel, triangles.subarray(3 * corner), found.sum);
        }
        const [x, y] = target, signs = [[-1, -1], [1, -1], [1, 1], [-1, 1]];
        const square = signs.map(([right, up]) => [x + right * HALF, y + up * HALF]);
        for (const panel of [this.picture, this.map, this.goal]) panel.outline(square, GREEN, 2);
        this.probe.show(pointer);
        this.square.show(target);
        this.front.show(centroid(triangles.slice(9)));
        for (const [k, { ring }] of this.corners.entries()) {
            this.corners[k].show([triangles[3 * (k % 3)], triangles[3 * (k % 3) + 1]]);
            ring.style.boxShadow = k % 3 === corner ? "inset 0 0 0 3px #ffffff" : "";
        }
        return words(found, along, size, corner, pointer);
    }

    /**
     * @param {Pulls} found
     * @param {boolean} flat
     */
    draw_pictures(found, flat) {
        const { image } = found.drawn, { wanted } = found;
        const what = flat ? "the silhouette of triangle 0" : "blue behind orange";
        const ask = flat ? "a bright square" : "the orange triangle with a blue square on it";
        this.picture.clear(`picture: ${what}`, `The soft picture: ${what}.`);
        this.goal.clear(`wanted: ${flat ? "a square" : "a blue square"}`, `Wanted is ${ask}.`);
        if (flat) {
            this.picture.paint(painted((pixel) => MAP[Math.round(255 * image[pixel])]));
            this.goal.paint(painted((pixel) => MAP[Math.round(255 * wanted[pixel])]));
        } else {
            /** @type {(all: Float64Array, k: number) => number[]} */
            const bytes = (all, k) => [255 * all[k], 255 * all[k + 1], 255 * all[k + 2]];
            this.picture.paint(painted((pixel) => bytes(image, 4 * pixel)));
            this.goal.paint(painted((pixel) => bytes(wanted, 3 * pixel)));
        }
    }

    /**
     * @param {Float64Array} along
     * @param {number} corner
     */
    draw_map(along, corner) {
        const largest = largest_of(along);
        const caption = `who pulls corner ${corner}?`;
        const alt = "Orange pixels pull the corner along the arrow, blue ones against it.";
        this.map.clear(caption, alt);
        this.map.paint(painted((pixel) => {
            // The square root, so that weak pixels are seen too.
            const level = largest > 0 ? Math.sqrt(Math.abs(along[pixel]) / largest) : 0;
            const color = along[pixel] > 0 ? ALONG : AGAINST;
            return NOTHING.map((number, m) => number + level * (color[m] - number));
        }));
        this.legend.textContent = largest > 0
            ? "Orange pulls along the arrow, blue against it; the brightest pixel by " +
                `${largest.toExponential(1)}, one a quarter as strong is half as bright.`
            : "A dark map: no pixel pulls.";
    }
}

/**
 * What each pixel contributes along the arrow of the sum -> (H, W), whose sum is the arrow's size.
 * Along x where the sum is 0.
 * @param {Pulls} found
 */
function along_arrow(found) {
    const size = Math.hypot(found.sum[0], found.sum[1]);
    const [way_x, way_y] = size > 0 ? [found.sum[0] / size, found.sum[1] / size] : [1, 0];
    return { along: found.x.map((x, pixel) => x * way_x + found.y[pixel] * way_y), size };
}

/** @param {Float64Array} along */
function largest_of(along) {
    return along.reduce((most, number) => Math.max(most, Math.abs(number)), 0);
}

/** @param {Float64Array} triangles */
function depth_behind(triangles) {
    const [z, z_front] = [2, 11].map((k) => (triangles[k] + triangles[k + 3] + triangles[k + 6]));
    return (z - z_front) / 3;
}

/**
 * @param {(pixel: number) => number[]} color  red, green, blue from 0 to 255
 */
function painted(color) {
    const picture = new ImageData(PULL_SIZE, PULL_SIZE);
    for (let pixel = 0; pixel < PULL_SIZE * PULL_SIZE; pixel++) {
        const found = color(pixel);
        for (let m = 0; m < 3; m++) picture.data[4 * pixel + m] = found[m]; // rounded, and clamped
        picture.data[4 * pixel + 3] = 255;
    }
    return picture;
}

/**
 * @param {Panel} panel
 * @param {Float64Array} triangles
 * @param {boolean} flat
 */
function draw_outlines(panel, triangles, flat) {
    for (let n = flat ? 0 : 1; n >= 0; n--) {
        const corners = [0, 3, 6].map((k) => [triangles[9 * n + k], triangles[9 * n + k + 1]]);
        panel.outline(corners, "#000000", 3);
        panel.outline(corners, n === 0 ? "#ffffff" : "#E69F00", 1.5);
    }
}

/**
 * @param {Panel} panel
 * @param {Float64Array} at
 * @param {number[]} sum
 */
function draw_arrow(panel, at, sum) {
    const size = Math.hypot(sum[0], sum[1]);
    if (size === 0) return;
    const part = Math.log(size / LEAST_PULL) / Math.log(MOST_PULL / LEAST_PULL);
    const length = SHORTEST + (LONGEST - SHORTEST) * Math.min(Math.max(part, 0), 1);
    const arrow = { start: [at[0], at[1]], x: sum[0], y: sum[1], length };
    panel.arrows([{ ...arrow, length: length + 3 }], "#000000", 5.5);
    panel.arrows([arrow], "#ffffff", 4);
}

/**
 * @param {Pulls} found
 * @param {Float64Array} along
 * @param {number} size
 * @param {number} corner
 * @param {number[]} pointer
 */
function words(found, along, size, corner, pointer) {
    const { sum, loss } = found, { i, j } = pixel_at(pointer, PULL_SIZE);
    const least_pull = SEEN * largest_of(along);
    const [with_it, against] = [1, -1].map((sign) =>
        along.filter((number) => sign * number > least_pull)
    );
    const [forth, back] = [with_it, against].map((list) => list.reduce((all, one) => all + one, 0));
    const here = along[i * PULL_SIZE + j];
    const way = here === 0 ? "does nothing" : `gives ${short(here)}`;
    const start = size === 0
        ? `Nothing pulls corner ${corner} over the screen: its gradient is 0. `
        : `Corner ${corner} is pulled by ${short(size)}, -gradient (${short(sum[0])}, ` +
            `${short(sum[1])}): ${with_it.length} pixels pull along the arrow, together ` +
            `${short(forth)}, and ${against.length} against it, together ${short(back)}. `;
    const depth = found.drawn.channels === 0
        ? ""
        : sum[2] === 0
        ? "Nothing pulls it in depth. "
        : `In depth it is pulled ${sum[2] < 0 ? "forward" : "back"} by ` +
            `${short(Math.abs(sum[2]))}. `;
    return `${start}${depth}Pixel [${i}, ${j}] ${way}. Loss ${short(loss)}.`;
}

/** @param {number} number */
function short(number) {
    return number === 0 ? "0" : number.toExponential(2);
}

/**
 * What anywidget calls, and what a page calls with a `PageModel`.
 * @param {{ model: Model, el: HTMLElement }} place
 */
function render({ model, el }) {
    const explorer = new CornerPull(model, el);
    return () => explorer.stage.close();
}

export default { render };
