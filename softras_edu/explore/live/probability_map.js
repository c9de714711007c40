/**
 * Probability map: drag the corners of a triangle; D of every pixel, its level lines and its reach;
 * D along the pointer's row; and under the pointer all numbers that D is made of.
 */

import { drawable } from "./boxes.js";
import {
    barycentric,
    clip_barycentric,
    least,
    nearest,
    pixel_center_x,
    pixel_center_y,
    probability,
    reach,
    signed_logit,
    squared_distance,
} from "./formulas.js";
import { level_lines } from "./levels.js";
import { check_triangles, complete } from "./options.js";
import { GREEN, MAP, ORANGE, PURPLE, SKY } from "./palette.js";
import { Handle, Panel } from "./panel.js";
import { Probe } from "./probe.js";
import { Face, Pair } from "./records.js";
import { draw_row } from "./row_curve.js";
import { flat_triangles, nested_triangles, Stage } from "./stage.js";

/** @import { Dials } from "./records.js" */
/** @import { Model } from "./stage.js" */

const MAP_SIZE = 128; // pixels a side
const LEVELS = [0.01, 0.1, 0.5, 0.9];
// Colours of the corners, as different in brightness as in hue: orange, blue, white.
const CORNERS = [[230, 159, 0], [0, 114, 178], [255, 255, 255]];
const OUTERMOST = 1.5; // NDC: so far a corner may be dragged

class ProbabilityMap {
    /**
     * @param {Model} model
     * @param {HTMLElement} el
     */
    constructor(model, el) {
        this.model = model;
        const traits = ["triangles", "pointer", "sigma", "dist_eps", "distance"];
        this.stage = new Stage(model, el, traits, () => this.draw());
        this.show_sigma = this.stage.dial("sigma (NDC squared)", -5, 0, 0.05, (power) => {
            this.stage.set("sigma", 10 ** power);
        });
        this.show_dist_eps = this.stage.dial("dist_eps (cut-off)", -8, -1, 0.1, (power) => {
            this.stage.set("dist_eps", 10 ** power);
        });
        const distances = ["euclidean", "barycentric"];
        this.show_distance = this.stage.choice("distance", distances, (name) => {
            this.stage.set("distance", name);
        });
        this.map = new Panel();
        this.weights = new Panel();
        this.row = new Panel();
        this.stage.panels.append(this.map.box, this.weights.box, this.row.box);
        this.probe = new Probe(this.stage, [this.map, this.weights]);
        this.corners = [0, 1, 2].map((k) =>
            new Handle(this.map, `corner ${k}`, true, (x, y) => this.move_corner(k, x, y))
        );
        this.stage.show();
    }

    /**
     * @param {number} k
     * @param {number} x
     * @param {number} y
     */
    move_corner(k, x, y) {
        const triangles = flat_triangles(this.model.get("triangles"));
        triangles[3 * k] = Math.min(Math.max(x, -OUTERMOST), OUTERMOST);
        triangles[3 * k + 1] = Math.min(Math.max(y, -OUTERMOST), OUTERMOST);
        this.stage.set("triangles", nested_triangles(triangles));
    }

    draw() {
        const [sigma, dist_eps, distance] = ["sigma", "dist_eps", "distance"].map((name) =>
            this.model.get(name)
        );
        this.show_sigma(Math.log10(sigma), sigma.toExponential(1));
        this.show_dist_eps(Math.log10(dist_eps), dist_eps.toExponential(1));
        this.show_distance(distance);
        for (const panel of [this.map, this.weights, this.row]) {
            panel.clear("", "Nothing is drawn.");
        }
        const o = complete({ size: MAP_SIZE, sigma, dist_eps, distance });
        const triangles = flat_triangles(this.model.get("triangles"));
        check_triangles(triangles, null, 0);
        for (const [k, corner] of this.corners.entries()) {
            if (triangles.length > 0) corner.show([triangles[3 * k], triangles[3 * k + 1]]);
        }
        const pointer = this.model.get("pointer");
        this.probe.show(pointer);
        if (triangles.length !== 9) {
            return `There are ${triangles.length / 9} triangles; one is wanted.`;
        }
        const f = new Face();
        f.read(triangles, 0);
        if (!drawable(f, Math.min(triangles[2], triangles[5], triangles[8]), o)) {
            return "A triangle without area, or with a corner behind the eye, is not drawn.";
        }
        const { d, counted, map, weights } = pictures(f, o);
        this.draw_map(f, d, map, o, pointer[1]);
        this.draw_weights(f, weights);
        const p = new Pair(), y = pointer[1];
        draw_row(this.row, pointer, (x) => probability(pair_at(f, x, y, o, p).logit), o.dist_eps);
        return this.look_at(f, pointer, o, counted, d);
    }

    /**
     * @param {Face} f
     * @param {Float64Array} d
     * @param {ImageData} picture
     * @param {Dials} o
     * @param {number} y  of the row
     */
    draw_map(f, d, picture, o, y) {
        const alt = "D of every pixel: bright in the triangle, dark far away, with level lines.";
        this.map.clear("D, lines at 0.01, 0.1, 0.5, 0.9", alt);
        this.map.paint(picture);
        for (const level of LEVELS) this.map.lines(level_lines(d, MAP_SIZE, level), "#ffffff", 1);
        if (o.dist_eps > 0) this.map.lines(level_lines(d, MAP_SIZE, o.dist_eps), ORANGE, 2);
        this.map.lines([[-1, y, 1, y]], GREEN, 2);
        this.map.outline([[f.x0, f.y0], [f.x1, f.y1], [f.x2, f.y2]], SKY, 1.5);
    }

    /**
     * @param {Face} f
     * @param {ImageData} picture
     */
    draw_weights(f, picture) {
        const alt =
            "Clipped weights of the three corners as orange, blue and white; dark: not counted.";
        this.weights.clear("w0 orange, w1 blue, w2 white", alt);
        this.weights.paint(picture);
        this.weights.outline([[f.x0, f.y0], [f.x1, f.y1], [f.x2, f.y2]], SKY, 1.5);
    }

    /**
     * The numbers under the pointer, and the way to the nearest point of the boundary.
     * @param {Face} f
     * @param {number[]} pointer
     * @param {Dials} o
     * @param {number} counted
     * @param {Float64Array} map  D of every pixel
     */
    look_at(f, pointer, o, counted, map) {
        const p = pair_at(f, pointer[0], pointer[1], o);
        const d = probability(p.logit), inside = least(p) > 0 ? "inside" : "outside";
        let where = "";
        if (o.euclidean) {
            nearest(p, f);
            const x = p.x - p.gap_x, y = p.y - p.gap_y;
            for (const panel of [this.map, this.weights]) {
                panel.lines([[p.x, p.y, x, y]], PURPLE, 2);
                panel.dots([[x, y]], PURPLE, 4);
            }
            const pixels = Math.sqrt(p.d2) * MAP_SIZE / 2;
            where = `, ${pixels.toFixed(1)} pixels from the nearest boundary point ` +
                `(${x.toFixed(2)}, ${y.toFixed(2)})`;
        }
        const far = reach(o.sigma, o.dist_eps);
        const length = o.euclidean
            ? `The reach outside an edge is ${far.toFixed(3)} NDC, ` +
                `${(far * MAP_SIZE / 2).toFixed(1)} pixels (orange line). `
            : "The reach is no fixed length here (orange line). ";
        const largest = map.reduce((most, number) => Math.max(most, number), 0);
        const v = [p.v0, p.v1, p.v2], w = [p.w0, p.w1, p.w2];
        return `At (${p.x.toFixed(2)}, ${p.y.toFixed(2)}), ${inside}${where}: ` +
            `d2 ${p.d2.toExponential(2)}, d2 / sigma ${p.logit.toFixed(2)}, D ${d.toFixed(4)}` +
            `${d < o.dist_eps ? ", not counted" : ""}. ` +
            `Barycentric weights ${list_of(v)}, clipped ${list_of(w)}. ` +
            `${length}${counted} of ${MAP_SIZE * MAP_SIZE} pixels are counted. ` +
            `Largest D: ${largest.toFixed(3)}.`;
    }
}

/** @param {number[]} numbers */
function list_of(numbers) {
    return numbers.map((number) => number.toFixed(2)).join(", ");
}

/**
 * @param {Face} f
 * @param {number} x
 * @param {number} y
 * @param {Dials} o
 */
function pair_at(f, x, y, o, p = new Pair()) {
    p.x = x;
    p.y = y;
    barycentric(p, f);
    p.d2 = o.euclidean ? squared_distance(x, y, f) : least(p) * least(p);
    p.logit = signed_logit(p, p.d2, o);
    clip_barycentric(p);
    return p;
}

/**
 * D of all pixels (H, W), how many of them are counted, a picture of D, and one of the clipped
 * weights, dark where the pair does not count.
 * @param {Face} f
 * @param {Dials} o
 */
function pictures(f, o) {
    const d = new Float64Array(MAP_SIZE * MAP_SIZE), p = new Pair();
    const map = new ImageData(MAP_SIZE, MAP_SIZE), weights = new ImageData(MAP_SIZE, MAP_SIZE);
    let counted = 0;
    for (let pixel = 0; pixel < d.length; pixel++) {
        const i = Math.floor(pixel / MAP_SIZE), j = pixel % MAP_SIZE;
        pair_at(f, pixel_center_x(j, MAP_SIZE, MAP_SIZE), pixel_center_y(i, MAP_SIZE), o, p);
        d[pixel] = probability(p.logit);
        const counts = p.logit >= o.least_logit, color = MAP[Math.round(255 * d[pixel])];
        counted += counts ? 1 : 0;
        for (let m = 0; m < 3; m++) {
            const mixed = p.w0 * CORNERS[0][m] + p.w1 * CORNERS[1][m] + p.w2 * CORNERS[2][m];
            map.data[4 * pixel + m] = color[m];
            weights.data[4 * pixel + m] = counts ? mixed : 33;
        }
        map.data[4 * pixel + 3] = 255;
        weights.data[4 * pixel + 3] = 255;
    }
    return { d, counted, map, weights };
}

/**
 * What anywidget calls, and what a page calls with a `PageModel`.
 * @param {{ model: Model, el: HTMLElement }} place
 */
function render({ model, el }) {
    const explorer = new ProbabilityMap(model, el);
    return () => explorer.stage.close();
}

export default { render };
