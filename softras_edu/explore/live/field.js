/**
 * From every place of the picture: which way, and how strongly, gradient descent moves a shape that
 * should cover a square. `field.py` computes the same.
 */

import { pixel_center_x, pixel_center_y } from "./formulas.js";
import { nmr_gradient, visible_face } from "./hard.js";
import { rasterize, rasterize_backward } from "./rasterize.js";

export const FIELD_SIZE = 32; // pixels a side: there are 289 pictures to draw
export const SIDE = 0.3; // of the square
export const COUNT = 17; // places a side
const EXTENT = 0.8; // x and y of the places run from -EXTENT to EXTENT

/** Where the shape is put, row by row from the bottom: (COUNT * COUNT) pairs of x and y. */
export const PLACES = places();

/** @returns {number[][]} */
function places() {
    const line = Array.from({ length: COUNT }, (_, k) => -EXTENT + (2 * EXTENT * k) / (COUNT - 1));
    return line.flatMap((y) => line.map((x) => [x, y]));
}

/**
 * Mean x and y of the corners of (F, 3, 3) numbers; [0, 0] where there is none.
 * @param {Float64Array} triangles
 */
export function centroid(triangles) {
    let x = 0, y = 0;
    for (let k = 0; k < triangles.length; k += 3) {
        x += triangles[k];
        y += triangles[k + 1];
    }
    const corners = Math.max(triangles.length / 3, 1);
    return [x / corners, y / corners];
}

/**
 * The triangles, moved in the plane of the screen.
 * @param {Float64Array} triangles
 * @param {number} x
 * @param {number} y
 */
export function moved(triangles, x, y) {
    const there = triangles.slice(); // not `map`, which takes longer for so few numbers
    for (let k = 0; k < there.length; k += 3) {
        there[k] += x;
        there[k + 1] += y;
    }
    return there;
}

/**
 * @typedef {object} Square  Where the shape should be.
 * @property {number[]} pixels  those whose centre it covers
 * @property {number[]} window  rows and columns that hold them all
 * @property {Float64Array} d_alpha  for `loss_backward`: (H, W), 0 outside the square
 */

/**
 * @param {number[]} target  x and y of its middle
 * @returns {Square}
 */
export function square_pixels(target) {
    const pixels = [], rows = [], columns = [];
    for (let i = 0; i < FIELD_SIZE; i++) {
        const up = Math.abs(pixel_center_y(i, FIELD_SIZE) - target[1]);
        for (let j = 0; j < FIELD_SIZE; j++) {
            const right = Math.abs(pixel_center_x(j, FIELD_SIZE, FIELD_SIZE) - target[0]);
            if (Math.max(up, right) > SIDE / 2) continue;
            pixels.push(i * FIELD_SIZE + j);
            rows.push(i);
            columns.push(j);
        }
    }
    const window = pixels.length === 0
        ? [0, 0, 0, 0]
        : [rows[0], rows[rows.length - 1] + 1, Math.min(...columns), Math.max(...columns) + 1];
    return { pixels, window, d_alpha: new Float64Array(FIELD_SIZE * FIELD_SIZE) };
}

/**
 * Derivative of the loss, the mean of (1 - alpha)**2 over the square's pixels.
 *
 * The same array each time: to make two for each of 289 places takes longer than to fill them.
 * @param {Square} square
 * @param {(pixel: number) => number} alpha
 */
function loss_backward(square, alpha) {
    for (const pixel of square.pixels) {
        square.d_alpha[pixel] = -2 * (1 - alpha(pixel)) / square.pixels.length;
    }
    return square.d_alpha;
}

/**
 * @typedef {object} Force  What a renderer's gradient would do to the shape where it is.
 * @property {Float64Array} corners  minus the gradient, (F, 3, 3)
 * @property {number} x  the sum over the corners: the shape as a whole
 * @property {number} y
 */

/**
 * The push on triangles (F, 3, 3) by one renderer.
 * @param {string} renderer  "hard", "NMR" or "soft"
 * @param {Float64Array} triangles
 * @param {Square} square  from `square_pixels`
 * @param {{ sigma: number, dist_eps: number }} dials
 * @param {Int32Array} [face]  what is seen, if that is known: for NMR
 * @returns {Force}
 */
export function force(renderer, triangles, square, dials, face) {
    const gradient = renderer === "soft"
        ? soft_gradient(triangles, square, dials)
        : renderer === "NMR"
        ? hard_gradient(triangles, square, face ?? visible_face(triangles, { size: FIELD_SIZE }))
        : new Float64Array(triangles.length); // the z-buffer's picture has no gradient at all
    let x = 0, y = 0;
    for (let k = 0; k < gradient.length; k++) gradient[k] = 0 - gradient[k];
    for (let k = 0; k < gradient.length; k += 3) {
        x += gradient[k];
        y += gradient[k + 1];
    }
    return { corners: gradient, x, y };
}

/**
 * @param {Float64Array} triangles
 * @param {Square} square
 * @param {{ sigma: number, dist_eps: number }} dials
 */
function soft_gradient(triangles, square, dials) {
    const drawn = rasterize(triangles, null, {
        ...dials,
        size: FIELD_SIZE,
        window: square.window, // the loss sees no other pixel
    });
    const d_alpha = loss_backward(square, (pixel) => drawn.image[pixel]);
    return rasterize_backward(d_alpha, drawn).d_triangles;
}

/**
 * @param {Float64Array} triangles
 * @param {Square} square
 * @param {Int32Array} face  from `visible_face`
 */
function hard_gradient(triangles, square, face) {
    const d_alpha = loss_backward(square, (pixel) => face[pixel] < 0 ? 0 : 1);
    return nmr_gradient(triangles, face, d_alpha, FIELD_SIZE, FIELD_SIZE);
}

/**
 * The triangles with their centroid at each of PLACES.
 * @param {Float64Array} triangles
 */
function everywhere(triangles) {
    const [x, y] = centroid(triangles);
    return PLACES.map((place) => moved(triangles, place[0] - x, place[1] - y));
}

/**
 * What is seen with the triangles at each of PLACES: wherever the target is.
 * @param {Float64Array} triangles
 */
export function faces_everywhere(triangles) {
    return everywhere(triangles).map((here) => visible_face(here, { size: FIELD_SIZE }));
}

/**
 * `force` with the shape's centroid at each of PLACES.
 * @param {string} renderer
 * @param {Float64Array} triangles
 * @param {number[]} target
 * @param {{ sigma: number, dist_eps: number }} dials
 * @param {Int32Array[]} [faces]  from `faces_everywhere`, if they are known: for NMR
 * @returns {Force[]}
 */
export function field(renderer, triangles, target, dials, faces) {
    const square = square_pixels(target);
    return everywhere(triangles).map((here, n) => force(renderer, here, square, dials, faces?.[n]));
}
