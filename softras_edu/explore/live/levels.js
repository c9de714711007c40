/**
 * Level lines of a picture: where a number that is known at the pixels' centres has a given value.
 */

import { pixel_center_x, pixel_center_y } from "./formulas.js";

/**
 * Between four neighbouring centres the line is straight (marching squares).
 * @param {Float64Array} values  (size, size), row by row from the top
 * @param {number} size
 * @param {number} level
 * @returns {number[][]}  pieces in NDC: x and y of the one end, x and y of the other
 */
export function level_lines(values, size, level) {
    const pieces = [];
    for (let i = 0; i + 1 < size; i++) {
        for (let j = 0; j + 1 < size; j++) {
            const k = i * size + j; // most squares lie on one side
            const above = Number(values[k] >= level) + Number(values[k + 1] >= level) +
                Number(values[k + size] >= level) + Number(values[k + size + 1] >= level);
            if (above === 0 || above === 4) continue;
            const ends = crossings(values, size, i, j, level);
            // Four crossings are a saddle: two pieces.
            for (let n = 0; n + 1 < ends.length; n += 2) pieces.push([...ends[n], ...ends[n + 1]]);
        }
    }
    return pieces;
}

/**
 * Where the level crosses the sides of the square of centres whose upper left is (i, j).
 * @param {Float64Array} values
 * @param {number} size
 * @param {number} i
 * @param {number} j
 * @param {number} level
 */
function crossings(values, size, i, j, level) {
    const around = [[i, j], [i, j + 1], [i + 1, j + 1], [i + 1, j]];
    const found = [];
    for (let k = 0; k < 4; k++) {
        const [i0, j0] = around[k], [i1, j1] = around[(k + 1) % 4];
        const a = values[i0 * size + j0], b = values[i1 * size + j1];
        if ((a < level) === (b < level)) continue;
        const t = (level - a) / (b - a);
        const x0 = pixel_center_x(j0, size, size), y0 = pixel_center_y(i0, size);
        const x1 = pixel_center_x(j1, size, size), y1 = pixel_center_y(i1, size);
        found.push([x0 + t * (x1 - x0), y0 + t * (y1 - y0)]);
    }
    return found;
}
