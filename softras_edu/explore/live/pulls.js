/**
 * What each pixel contributes to the gradient of one corner, before `rasterize_backward` sums it.
 *
 * The corner is one of triangle 0. The loss is the mean square of image - wanted, and there are
 * two:
 *
 *     silhouette      triangle 0 alone should cover a square
 *     hidden colour   triangle 0, blue, stands behind triangle 1, orange; the square should be blue
 */

import { pixel_center_x, pixel_center_y } from "./formulas.js";
import { rasterize, rasterize_backward } from "./rasterize.js";

/** @import { Drawn } from "./rasterize.js" */

export const LOSSES = ["silhouette", "hidden colour"];
export const HALF = 0.25; // half a side of the square, NDC
const HIDDEN_COLOR = [0, 114 / 255, 178 / 255], FRONT_COLOR = [230 / 255, 159 / 255, 0];
const COLORS = Float64Array.from([HIDDEN_COLOR, FRONT_COLOR].flatMap((c) => [...c, ...c, ...c]));
const PULLS_FAR = 10; // a short range of depths, as in the explorer of occlusion

/**
 * @typedef {object} Scene
 * @property {string} loss  one of LOSSES
 * @property {Float64Array} triangles  (2, 3, 3)
 * @property {number[]} target  x and y of the square's middle
 * @property {number} sigma  @property {number} gamma
 */

/**
 * @typedef {object} Pulls
 * @property {Drawn} drawn  the picture
 * @property {Float64Array} wanted  (H, W, 1) or (H, W, 3)
 * @property {number} loss
 * @property {Float64Array} x  (H, W): what the pixel adds to -d loss / d x of the corner
 * @property {Float64Array} y  and of y
 * @property {number[]} sum  x, y and z of -d loss / d corner
 */

/**
 * @param {Scene} scene
 * @param {number} corner  0, 1 or 2
 * @param {number} size  pixels a side
 * @returns {Pulls}
 */
export function pulls(scene, corner, size) {
    const { sigma, gamma } = scene, options = { size, sigma, gamma, far: PULLS_FAR };
    const flat = scene.loss === "silhouette";
    const drawn = flat
        ? rasterize(scene.triangles.slice(0, 9), null, options)
        : rasterize(scene.triangles, COLORS, options);
    const wanted = flat
        ? paint_square(new Float64Array(size * size), scene.target, [1])
        : paint_square(front_alone(scene, options), scene.target, HIDDEN_COLOR);
    const { d_image, loss } = mean_square(drawn, wanted);
    const x = new Float64Array(size * size), y = new Float64Array(size * size);
    const { d_triangles } = rasterize_backward(d_image, drawn, (pixel, n, p) => {
        if (n !== 0) return;
        const lever = [p.lever0, p.lever1, p.lever2][corner];
        const v = [p.v0, p.v1, p.v2][corner];
        x[pixel] = lever * p.push_x + v * p.pull_x;
        y[pixel] = lever * p.push_y + v * p.pull_y;
    });
    const sum = [0, 1, 2].map((axis) => 0 - d_triangles[3 * corner + axis]);
    return { drawn, wanted, loss, x, y, sum };
}

/**
 * The soft picture of the orange triangle alone -> (H, W, 3).
 * @param {Scene} scene
 * @param {import("./options.js").Options} options
 */
function front_alone(scene, options) {
    const { image } = rasterize(scene.triangles.slice(9), COLORS.slice(9), options);
    return image.filter((_, k) => k % 4 < 3);
}

/**
 * A square of one colour, painted over a picture.
 * @param {Float64Array} picture  (H, W, C)
 * @param {number[]} target
 * @param {number[]} color  C numbers
 */
function paint_square(picture, target, color) {
    const size = Math.sqrt(picture.length / color.length);
    for (let pixel = 0; pixel < size * size; pixel++) {
        const i = Math.floor(pixel / size), j = pixel % size;
        const right = Math.abs(pixel_center_x(j, size, size) - target[0]);
        const up = Math.abs(pixel_center_y(i, size) - target[1]);
        if (Math.max(right, up) <= HALF) picture.set(color, pixel * color.length);
    }
    return picture;
}

/**
 * The mean square of image - wanted, and its derivative. With colours alpha does not count.
 * @param {Drawn} drawn
 * @param {Float64Array} wanted
 */
function mean_square(drawn, wanted) {
    const d_image = new Float64Array(drawn.image.length);
    const count = drawn.channels || 1; // of the image's channels, from the first on
    let loss = 0;
    for (let k = 0; k < wanted.length; k++) {
        const at = Math.floor(k / count) * (drawn.channels + 1) + k % count;
        const error = drawn.image[at] - wanted[k];
        d_image[at] = 2 * error / wanted.length;
        loss += error * error / wanted.length;
    }
    return { d_image, loss };
}
