/**
 * What `WatchFit` starts from: targets to choose, a brush to draw one, and shapes that descend.
 *
 * A mask is (H, W) numbers, 1 where a pixel's centre is covered, row by row from the top.
 */

import { pixel_center_x, pixel_center_y, segment_squared_distance } from "./formulas.js";
import { Edge } from "./records.js";

/**
 * Which points of the plane belong to a target.
 * @type {Record<string, (x: number, y: number) => boolean>}
 */
export const TARGETS = {
    moon: (x, y) => (x + 0.1) ** 2 + y ** 2 < 0.36 && (x - 0.25) ** 2 + (y - 0.1) ** 2 > 0.25,
    star: (x, y) => Math.hypot(x, y) < 0.45 + 0.22 * Math.sin(5 * Math.atan2(y, x)),
    ring: (x, y) => Math.abs(Math.hypot(x, y) - 0.45) < 0.17,
    bar: (x, y) => Math.abs(x + y) < 0.3 && Math.abs(x - y) < 1.1,
};

/**
 * The pixels of a ready-made target.
 * @param {string} name
 * @param {number} size
 */
export function mask_of(name, size) {
    return Float64Array.from({ length: size * size }, (_, pixel) => {
        const x = pixel_center_x(pixel % size, size, size);
        return TARGETS[name](x, pixel_center_y(Math.floor(pixel / size), size)) ? 1 : 0;
    });
}

/**
 * A stroke of a round brush: a new mask in which the pixels near the segment have a value.
 * @param {Float64Array} mask
 * @param {number} size
 * @param {number[]} start
 * @param {number[]} end
 * @param {number} radius  NDC
 * @param {number} value  1 paints, 0 wipes
 */
export function stroke(mask, size, start, end, radius, value) {
    const segment = new Edge();
    segment.set(start[0], start[1], end[0] + 1e-9, end[1]); // a dab is a very short stroke
    return mask.map((before, pixel) => {
        const x = pixel_center_x(pixel % size, size, size);
        const y = pixel_center_y(Math.floor(pixel / size), size);
        return segment_squared_distance(x, y, segment) <= radius * radius ? value : before;
    });
}

const DISC_RADIUS = 0.4, RINGS = 3; // a mesh of 6 * RINGS**2 triangles

/** A disc of rings of triangles around its middle, (54, 3, 3) flat, z = 2. */
export function disc() {
    const triangles = [];
    for (let ring = 1; ring <= RINGS; ring++) {
        for (let side = 0; side < 6; side++) {
            for (let k = 0; k < ring; k++) {
                const inner = side * (ring - 1) + k, outer = side * ring + k;
                const middle = ring_point(ring - 1, inner);
                triangles.push(ring_point(ring, outer), ring_point(ring, outer + 1), middle);
                if (k === ring - 1) continue; // a side has one triangle less that points outward
                const next = ring_point(ring - 1, inner + 1);
                triangles.push(ring_point(ring, outer + 1), next, middle);
            }
        }
    }
    return Float64Array.from(triangles.flat());
}

/**
 * Point k of the 6 * ring points of a ring.
 * @param {number} ring
 * @param {number} k
 */
function ring_point(ring, k) {
    const count = Math.max(6 * ring, 1), radius = DISC_RADIUS * ring / RINGS;
    return at_angle(0, 0, radius, 0.1 + 2 * Math.PI * (k % count) / count);
}

/** Sixteen triangles, four by four, each turned another way, (16, 3, 3) flat, z = 2. */
export function soup() {
    const triangles = [];
    for (let n = 0; n < 16; n++) {
        const x = -0.6 + 0.4 * (n % 4), y = -0.6 + 0.4 * Math.floor(n / 4);
        for (let k = 0; k < 3; k++) {
            triangles.push(at_angle(x, y, 0.12, 2.4 * n + 2 * Math.PI * k / 3));
        }
    }
    return Float64Array.from(triangles.flat());
}

/**
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 * @param {number} angle
 */
function at_angle(x, y, radius, angle) {
    return [x + radius * Math.cos(angle), y + radius * Math.sin(angle), 2];
}

/** @type {Record<string, () => Float64Array>} */
export const SHAPES = { "disc, one mesh": disc, "soup, 16 triangles": soup };
