/**
 * The pixel that is looked at: under the pointer, or where the arrow keys put it.
 */

import { pixel_center_x, pixel_center_y } from "./formulas.js";
import { Handle } from "./panel.js";

/** @import { Panel } from "./panel.js" */
/** @import { Stage } from "./stage.js" */

/** A ring on each of some panels of the same picture. It sets the trait `pointer`. */
export class Probe {
    /**
     * @param {Stage} stage
     * @param {Panel[]} panels
     */
    constructor(stage, panels) {
        this.stage = stage;
        this.rings = panels.map((panel, k) =>
            new Handle(panel, "the pixel that is looked at", k === 0, (x, y) => this.look(x, y))
        );
        for (const panel of panels) {
            // On the frame: a ring that lies under the pointer must not hide it.
            for (const kind of /** @type {const} */ (["pointermove", "pointerdown"])) {
                panel.frame.addEventListener(kind, (event) => {
                    const [x, y] = panel.point(event);
                    this.look(x, y);
                });
            }
        }
    }

    /**
     * @param {number} x
     * @param {number} y
     */
    look(x, y) {
        this.stage.set("pointer", [x, y].map((number) => Math.min(Math.max(number, -1), 1)));
    }

    /** @param {number[]} pointer */
    show(pointer) {
        for (const ring of this.rings) ring.show(pointer);
    }
}

/**
 * The pixel of a square picture in which a point lies: its row i, its column j, and its centre.
 * @param {number[]} point  in NDC
 * @param {number} size  pixels a side
 */
export function pixel_at(point, size) {
    const [j, i] = [1 + point[0], 1 - point[1]].map((way) => {
        return Math.min(Math.max(Math.floor(way / 2 * size), 0), size - 1);
    });
    return { i, j, x: pixel_center_x(j, size, size), y: pixel_center_y(i, size) };
}
