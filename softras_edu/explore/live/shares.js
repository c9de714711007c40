/**
 * How triangles share one pixel: D, softmax weights, and the weights as bars.
 */

import { drawable } from "./boxes.js";
import { log_softmax_weight, pair_forward, probability } from "./formulas.js";
import { element } from "./panel.js";
import { Face, Pair } from "./records.js";

/** @import { Dials } from "./records.js" */

/**
 * D of each triangle at a point, and its weight in A_S: a softmax over the triangles and the
 * background. Both are 0 for a pair that does not count.
 * @param {Float64Array} triangles  (F, 3, 3)
 * @param {number} x
 * @param {number} y
 * @param {Dials} o
 * @returns {{ d: number[], weights: number[] }}  F, and F + 1: the last is the background's
 */
export function shares_at(triangles, x, y, o) {
    const f = new Face(), p = new Pair();
    const d = [], log_weights = [];
    p.x = x;
    p.y = y;
    for (let n = 0; n < triangles.length / 9; n++) {
        f.read(triangles, n);
        const nearest_z = Math.min(...[2, 5, 8].map((k) => triangles[9 * n + k]));
        const counts = drawable(f, nearest_z, o) && pair_forward(p, f, o);
        d.push(counts ? probability(p.logit) : 0);
        log_weights.push(counts ? log_softmax_weight(p, o) : -Infinity);
    }
    log_weights.push((o.eps - 1) / o.gamma);
    const peak = Math.max(...log_weights);
    const nums = log_weights.map((log_weight) => Math.exp(log_weight - peak));
    const den = nums.reduce((sum, num) => sum + num, 0);
    return { d, weights: nums.map((num) => num / den) };
}

/** A bar for each weight, with its name and number as text. */
export class Bars {
    constructor() {
        this.box = element("div", "live-legend");
    }

    /** @param {{ name: string, color: string, weight: number }[]} rows */
    show(rows) {
        this.box.replaceChildren(...rows.map(({ name, color, weight }) => {
            const row = element("div", "live-bar"), bar = element("span", "");
            const label = element("span", "live-name", name);
            row.style.cssText = "display: flex; align-items: center; gap: 8px";
            label.style.flexShrink = "0";
            // The frame is the text's colour: a black bar is seen on a dark page too.
            bar.style.cssText = "box-sizing: border-box; height: 0.9em; border: 1px solid;" +
                `width: calc(${weight.toFixed(4)} * (100% - 200px)); background: ${color}`;
            bar.setAttribute("aria-hidden", "true");
            row.append(label, bar, weight.toFixed(3));
            return row;
        }));
    }
}
