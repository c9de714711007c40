/**
 * Silhouette and occlusion: triangles to drag, nearer and farther too; A_S and A_O of the picture,
 * in numbers under the pointer, and how the triangles share that pixel.
 */

import { centroid, moved } from "./field.js";
import { check_triangles } from "./options.js";
import { GREY, MAP } from "./palette.js";
import { Handle, Panel } from "./panel.js";
import { pixel_at, Probe } from "./probe.js";
import { rasterize } from "./rasterize.js";
import { Bars, shares_at } from "./shares.js";
import { flat_triangles, nested_triangles, Stage } from "./stage.js";

/** @import { Drawn } from "./rasterize.js" */
/** @import { Model } from "./stage.js" */

const PICTURE_SIZE = 128; // pixels a side
const DEEPEST = 10; // `far`: a short range, so that a gamma of 0.01 already sees a gap of 0.1
const EDGE = 1.5; // NDC: so far out a corner may be dragged
const MOST = 6; // triangles
// Depths of the view from the side, whose left and right ends are at -SPAN and SPAN.
const FRONT = 1, BACK = 4, SPAN = 0.85;

class Occlusion {
    /**
     * @param {Model} model
     * @param {HTMLElement} el
     */
    constructor(model, el) {
        this.model = model;
        const traits = ["triangles", "colors", "pointer", "sigma", "gamma"];
        this.stage = new Stage(model, el, traits, () => this.draw());
        this.show_sigma = this.stage.dial("sigma (blur)", -5, -1, 0.05, (power) => {
            this.stage.set("sigma", 10 ** power);
        });
        this.show_gamma = this.stage.dial("gamma (see-through)", -4, 0, 0.05, (power) => {
            this.stage.set("gamma", 10 ** power);
        });
        this.picture = new Panel();
        this.silhouette = new Panel();
        this.side = new Panel();
        this.bars = new Bars();
        const panels = [this.picture, this.silhouette, this.side];
        this.stage.panels.append(...panels.map((panel) => panel.box), this.bars.box);
        this.probe = new Probe(this.stage, [this.picture, this.silhouette]);
        /** @type {{ whole: Handle, corners: Handle[], depth: Handle }[]} */
        this.handles = [];
        this.stage.show();
    }

    /**
     * Rings for that many triangles.
     * @param {number} count
     */
    need_handles(count) {
        for (let n = this.handles.length; n < count; n++) {
            const name = `triangle ${n}`;
            this.handles.push({
                whole: new Handle(this.picture, name, true, (x, y) => this.move_whole(n, x, y)),
                corners: [0, 1, 2].map((k) =>
                    new Handle(this.picture, `corner ${k} of ${name}`, true, (x, y) => {
                        this.move_corner(n, k, x, y);
                    })
                ),
                depth: new Handle(this.side, `depth of ${name}, left is nearer`, true, (x) => {
                    this.move_depth(n, x);
                }),
            });
        }
        for (const [n, { whole, corners, depth }] of this.handles.entries()) {
            for (const handle of [whole, ...corners, depth]) handle.ring.hidden = n >= count;
        }
    }

    /**
     * Another triangle in the place of triangle n.
     * @param {number} n
     * @param {(triangle: Float64Array) => Float64Array} change
     */
    replace(n, change) {
        const triangles = flat_triangles(this.model.get("triangles"));
        triangles.set(change(triangles.slice(9 * n, 9 * n + 9)), 9 * n);
        this.stage.set("triangles", nested_triangles(triangles));
    }

    /**
     * @param {number} n
     * @param {number} x
     * @param {number} y
     */
    move_whole(n, x, y) {
        const [to_x, to_y] = [x, y].map((number) => Math.min(Math.max(number, -1), 1));
        this.replace(n, (triangle) => {
            const [from_x, from_y] = centroid(triangle);
            return moved(triangle, to_x - from_x, to_y - from_y);
        });
    }

    /**
     * @param {number} n
     * @param {number} k
     * @param {number} x
     * @param {number} y
     */
    move_corner(n, k, x, y) {
        this.replace(n, (triangle) => {
            triangle[3 * k] = Math.min(Math.max(x, -EDGE), EDGE);
            triangle[3 * k + 1] = Math.min(Math.max(y, -EDGE), EDGE);
            return triangle;
        });
    }

    /**
     * @param {number} n
     * @param {number} x  in the view from the side
     */
    move_depth(n, x) {
        const to = Math.min(Math.max(depth_at(x), FRONT), BACK);
        this.replace(n, (triangle) => {
            const step = to - mean_depth(triangle);
            return triangle.map((number, k) => number + (k % 3 === 2 ? step : 0));
        });
    }

    draw() {
        const [sigma, gamma, pointer] = ["sigma", "gamma", "pointer"].map((name) =>
            this.model.get(name)
        );
        this.show_sigma(Math.log10(sigma), sigma.toExponential(1));
        this.show_gamma(Math.log10(gamma), gamma.toExponential(1));
        const panels = [this.picture, this.silhouette, this.side];
        for (const panel of panels) panel.clear("", "Nothing is drawn.");
        this.bars.show([]);
        const options = { size: PICTURE_SIZE, sigma, gamma, far: DEEPEST };
        const triangles = flat_triangles(this.model.get("triangles"));
        const colors = flat_triangles(this.model.get("colors"));
        const count = triangles.length / 9;
        const fits = count <= MOST && colors.length === triangles.length;
        this.need_handles(fits ? count : 0);
        if (count > MOST) return `There are ${count} triangles; at most ${MOST} are wanted.`;
        if (!fits) {
            return `There are ${count} triangles and colours for ${colors.length / 9}; ` +
                "as many are wanted.";
        }
        check_triangles(triangles, colors, 3);
        const drawn = rasterize(triangles, colors, options);
        this.probe.show(pointer);
        this.draw_picture(drawn);
        this.draw_silhouette(drawn);
        this.draw_side(triangles, colors);
        return this.look_at(drawn, colors, pointer);
    }

    /** @param {Drawn} drawn */
    draw_picture(drawn) {
        const alt = "The soft picture, on black: what is nearer and covers more weighs more.";
        const colors = /** @type {Float64Array} */ (drawn.colors);
        this.picture.clear("A_S, the colours", alt);
        this.picture.paint(image_data(drawn, (image, k) => image.subarray(k, k + 3)));
        for (let n = 0; n < drawn.triangles.length / 9; n++) {
            const triangle = drawn.triangles.subarray(9 * n, 9 * n + 9);
            const { whole, corners, depth } = this.handles[n];
            for (const { ring } of [whole, ...corners, depth]) {
                // A ring of a hidden triangle is seen on the one in front.
                ring.style.boxShadow = `inset 0 0 0 3px ${mean_color(colors, n)}`;
            }
            whole.show(centroid(triangle));
            for (const [k, corner] of corners.entries()) {
                corner.show([triangle[3 * k], triangle[3 * k + 1]]);
            }
        }
    }

    /** @param {Drawn} drawn */
    draw_silhouette(drawn) {
        const alt = "The soft silhouette, bright where a triangle covers; outlines with numbers.";
        this.silhouette.clear("A_O, the silhouette", alt);
        this.silhouette.paint(image_data(drawn, (image, k) => {
            return MAP[Math.round(255 * image[k + 3])].map((number) => number / 255);
        }));
        const { triangles, colors } = drawn;
        for (let n = 0; n < triangles.length / 9; n++) {
            const corners = [0, 3, 6].map((k) => [triangles[9 * n + k], triangles[9 * n + k + 1]]);
            const color = mean_color(/** @type {Float64Array} */ (colors), n);
            this.silhouette.outline(corners, "#000000", 3.5);
            this.silhouette.outline(corners, color, 2);
            for (const [k, corner] of corners.entries()) {
                if (k === 0) this.silhouette.write(String(n), corner, "#ffffff");
            }
        }
    }

    /**
     * @param {Float64Array} triangles
     * @param {Float64Array} colors
     */
    draw_side(triangles, colors) {
        const alt = "From the side, the eye at the left: each triangle's depth z.";
        this.side.clear("from the side: depth z", alt);
        for (let z = FRONT; z <= BACK; z++) {
            const x = place_of(z);
            this.side.lines([[x, -0.86, x, 1]], GREY, 0.5);
            this.side.write(String(z), [x, -0.93], "#ffffff");
        }
        for (let n = 0; n < triangles.length / 9; n++) {
            const triangle = triangles.subarray(9 * n, 9 * n + 9);
            const corners = [0, 3, 6].map((k) => [place_of(triangle[k + 2]), triangle[k + 1]]);
            const depth = mean_depth(triangle), middle = centroid(triangle)[1];
            this.side.outline(corners, mean_color(colors, n), 5);
            const top = Math.max(...corners.map((corner) => corner[1]));
            this.side.write(String(n), [place_of(depth), Math.min(top + 0.08, 0.94)], "#ffffff");
            this.handles[n].depth.show([place_of(depth), middle]);
            this.handles[n].depth.ring.setAttribute("aria-valuetext", `z ${depth.toFixed(2)}`);
        }
    }

    /**
     * The bars, and the numbers of the pixel under the pointer.
     * @param {Drawn} drawn
     * @param {Float64Array} colors
     * @param {number[]} pointer
     */
    look_at(drawn, colors, pointer) {
        const { i, j, x, y } = pixel_at(pointer, PICTURE_SIZE);
        const { d, weights } = shares_at(drawn.triangles, x, y, drawn.dials);
        const names = d.map((_, n) => `triangle ${n}`);
        this.bars.show([
            ...names.map((name, n) => ({ name, color: mean_color(colors, n), weight: weights[n] })),
            { name: "background", color: "#000000", weight: weights[d.length] },
        ]);
        const k = 4 * (i * PICTURE_SIZE + j);
        const [red, green, blue, alpha] = Array.from(drawn.image.subarray(k, k + 4), three);
        const product = d.length > 0 ? d.map((number) => `(1 - ${three(number)})`).join(" ") : "1";
        const said = [...names, "background"].map((name, n) => `${name} ${three(weights[n])}`);
        return `Pixel [${i}, ${j}]: A_O = 1 - ${product} = ${alpha}. ` +
            `A_S = (${red}, ${green}, ${blue}), with the weights ${said.join(", ")}. ` +
            `${drawn.pairs} pairs of pixel and triangle count.`;
    }
}

/** @param {number} number */
function three(number) {
    return number.toFixed(3);
}

/**
 * Where a depth stands in the view from the side.
 * @param {number} z
 */
function place_of(z) {
    return SPAN * (2 * (z - FRONT) / (BACK - FRONT) - 1);
}

/** @param {number} x */
function depth_at(x) {
    return FRONT + (x / SPAN + 1) / 2 * (BACK - FRONT);
}

/** @param {Float64Array} triangle */
function mean_depth(triangle) {
    return (triangle[2] + triangle[5] + triangle[8]) / 3;
}

/**
 * The mean colour of a triangle's corners, for a page.
 * @param {Float64Array} colors
 * @param {number} n
 */
function mean_color(colors, n) {
    const mean = [0, 1, 2].map((m) => {
        return 255 * (colors[9 * n + m] + colors[9 * n + 3 + m] + colors[9 * n + 6 + m]) / 3;
    });
    return `rgb(${mean.map((number) => Math.round(number)).join(" ")})`;
}

/**
 * A picture of (H, W, 4) numbers.
 * @param {Drawn} drawn
 * @param {(image: Float64Array, k: number) => ArrayLike<number>} color  of what starts at number k
 */
function image_data(drawn, color) {
    const picture = new ImageData(PICTURE_SIZE, PICTURE_SIZE);
    for (let k = 0; k < drawn.image.length; k += 4) {
        const found = color(drawn.image, k);
        for (let m = 0; m < 3; m++) picture.data[k + m] = 255 * found[m]; // rounded, and clamped
        picture.data[k + 3] = 255;
    }
    return picture;
}

/**
 * What anywidget calls, and what a page calls with a `PageModel`.
 * @param {{ model: Model, el: HTMLElement }} place
 */
function render({ model, el }) {
    const explorer = new Occlusion(model, el);
    return () => explorer.stage.close();
}

export default { render };
