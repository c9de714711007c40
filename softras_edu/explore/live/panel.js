/**
 * A square picture with a caption, to draw on in NDC (x right, y up, both in [-1, 1]); and handles
 * on it that mouse, pen, finger and arrow keys move.
 */

import { NIGHT } from "./palette.js";

export const PANEL = 256; // pixels of the page, if it is wide enough
const KEY_STEP = 0.05; // NDC, for an arrow key; a fifth of it with Shift

/**
 * An element of a class, with a text.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} name
 * @param {string} [words]
 */
export function element(tag, name, words = "") {
    const made = document.createElement(tag);
    made.className = name;
    made.textContent = words;
    return made;
}

/**
 * JupyterLab and Notebook must not take the arrow keys for their own. They look for this on what
 * has the focus first, and find their shortcut there before they would look around it.
 * @param {HTMLElement} focused
 */
export function keep_keys(focused) {
    focused.setAttribute("data-lm-suppress-shortcuts", "true");
}

/**
 * @typedef {object} Arrow
 * @property {number[]} start  a point in NDC
 * @property {number} x  where it points, in NDC
 * @property {number} y
 * @property {number} length  pixels of the page
 */

export class Panel {
    constructor() {
        this.box = element("figure", "live-panel");
        this.caption = element("figcaption", "live-caption");
        this.frame = element("div", "live-frame");
        this.canvas = element("canvas", "live-canvas");
        this.canvas.setAttribute("role", "img");
        this.frame.append(this.canvas);
        this.box.append(this.caption, this.frame);
        const pixels = PANEL * Math.min(Math.max(globalThis.devicePixelRatio || 1, 1), 3);
        this.canvas.width = Math.round(pixels);
        this.canvas.height = Math.round(pixels);
        this.zoom = this.canvas.width / PANEL;
        const pen = this.canvas.getContext("2d");
        if (pen === null) throw new RangeError("canvas: got no 2d context, wanted one");
        this.pen = pen;
    }

    /**
     * Wipes the picture. What it will show is said for those who do not see it.
     * @param {string} caption
     * @param {string} alt
     */
    clear(caption, alt) {
        this.caption.textContent = caption;
        this.canvas.setAttribute("aria-label", alt);
        this.pen.setTransform(this.zoom, 0, 0, this.zoom, 0, 0);
        this.pen.fillStyle = NIGHT;
        this.pen.fillRect(0, 0, PANEL, PANEL);
    }

    /**
     * A closed line through points in NDC.
     * @param {number[][]} corners
     * @param {string} color
     * @param {number} width
     */
    outline(corners, color, width) {
        this.pen.beginPath();
        for (const [x, y] of corners) this.pen.lineTo(across(x), down(y));
        this.pen.closePath();
        this.pen.strokeStyle = color;
        this.pen.lineWidth = width;
        this.pen.lineJoin = "round";
        this.pen.stroke();
    }

    /**
     * Arrows of one colour, all at once: one stroke of a hundred pieces is faster than a hundred
     * strokes.
     * @param {Arrow[]} arrows
     * @param {string} color
     * @param {number} width
     */
    arrows(arrows, color, width) {
        const ends = arrows.map((arrow) => shaft(arrow, width));
        this.pen.strokeStyle = color;
        this.pen.fillStyle = color;
        this.pen.lineWidth = width;
        this.pen.beginPath();
        for (const { a_x, a_y, foot_x, foot_y } of ends) {
            this.pen.moveTo(a_x, a_y);
            this.pen.lineTo(foot_x, foot_y);
        }
        this.pen.stroke();
        this.pen.beginPath();
        for (const { b_x, b_y, foot_x, foot_y, side_x, side_y } of ends) {
            this.pen.moveTo(b_x, b_y);
            this.pen.lineTo(foot_x - side_x, foot_y - side_y);
            this.pen.lineTo(foot_x + side_x, foot_y + side_y);
        }
        this.pen.fill();
    }

    /**
     * Dots of one colour.
     * @param {number[][]} points  in NDC
     * @param {string} color
     * @param {number} radius  pixels of the page
     */
    dots(points, color, radius) {
        this.pen.beginPath();
        for (const [x, y] of points) {
            this.pen.moveTo(across(x) + radius, down(y));
            this.pen.arc(across(x), down(y), radius, 0, 2 * Math.PI);
        }
        this.pen.fillStyle = color;
        this.pen.fill();
    }

    /**
     * Words, edged in black so that they are read on any picture.
     * @param {string} words
     * @param {number[]} at  NDC: their middle, or where they start
     * @param {string} color
     * @param {"center" | "left"} [align]
     */
    write(words, at, color, align = "center") {
        this.pen.font = "12px system-ui, sans-serif";
        this.pen.textAlign = align;
        this.pen.textBaseline = "middle";
        this.pen.lineWidth = 3;
        this.pen.lineJoin = "round";
        this.pen.strokeStyle = "#000000";
        this.pen.fillStyle = color;
        this.pen.strokeText(words, across(at[0]), down(at[1]));
        this.pen.fillText(words, across(at[0]), down(at[1]));
    }

    /**
     * A picture over the whole panel; each of its pixels stays a sharp square.
     * @param {ImageData} picture
     */
    paint(picture) {
        const small = document.createElement("canvas");
        small.width = picture.width;
        small.height = picture.height;
        small.getContext("2d")?.putImageData(picture, 0, 0);
        this.pen.imageSmoothingEnabled = false;
        this.pen.drawImage(small, 0, 0, PANEL, PANEL);
    }

    /**
     * Separate pieces of a line, each from one point in NDC to another.
     * @param {number[][]} pieces  x and y of the one, x and y of the other
     * @param {string} color
     * @param {number} width
     */
    lines(pieces, color, width) {
        this.pen.beginPath();
        for (const [ax, ay, bx, by] of pieces) {
            this.pen.moveTo(across(ax), down(ay));
            this.pen.lineTo(across(bx), down(by));
        }
        this.pen.strokeStyle = color;
        this.pen.lineWidth = width;
        this.pen.stroke();
    }

    /**
     * The point under a pointer, in NDC.
     * @param {{ clientX: number, clientY: number }} event
     */
    point(event) {
        const box = this.canvas.getBoundingClientRect();
        const right = (event.clientX - box.left) / box.width;
        const below = (event.clientY - box.top) / box.height;
        return [2 * right - 1, 1 - 2 * below];
    }
}

/** @param {number} x */
function across(x) {
    return (x + 1) / 2 * PANEL;
}

/** @param {number} y */
function down(y) {
    return (1 - y) / 2 * PANEL;
}

/**
 * Of an arrow, in pixels of the page: its start a, its tip b, the foot of its head, and from there
 * to one end of the head.
 * @param {Arrow} arrow
 * @param {number} width
 */
function shaft({ start, x, y, length }, width) {
    const size = Math.hypot(x, y);
    const along_x = x / size, along_y = -y / size; // the page's y runs down
    const a_x = across(start[0]), a_y = down(start[1]);
    const b_x = a_x + along_x * length, b_y = a_y + along_y * length;
    const head = Math.min(3 * width, 0.6 * length);
    const foot_x = b_x - head * along_x, foot_y = b_y - head * along_y;
    const side_x = 0.55 * head * along_y, side_y = -0.55 * head * along_x;
    return { a_x, a_y, b_x, b_y, foot_x, foot_y, side_x, side_y };
}

/** What can be dragged: a ring on a panel. */
export class Handle {
    /**
     * @param {Panel} panel
     * @param {string} name  what it is, for those who do not see it
     * @param {boolean} keys  whether Tab stops here: once is enough for what several panels show
     * @param {(x: number, y: number) => void} moved  told where it is to go, in NDC
     */
    constructor(panel, name, keys, moved) {
        this.panel = panel;
        this.moved = moved;
        this.at = [0, 0];
        this.held = [0, 0]; // from the handle to the pointer that holds it
        this.ring = element("div", "live-handle");
        this.ring.setAttribute("role", "slider");
        this.ring.setAttribute("aria-label", `${name}: arrow keys move it`);
        this.ring.setAttribute("aria-valuemin", "-1");
        this.ring.setAttribute("aria-valuemax", "1");
        this.ring.tabIndex = keys ? 0 : -1;
        if (!keys) this.ring.setAttribute("aria-hidden", "true");
        keep_keys(this.ring);
        panel.frame.append(this.ring);
        this.ring.addEventListener("pointerdown", (event) => this.grasp(event));
        this.ring.addEventListener("pointermove", (event) => this.drag(event));
        this.ring.addEventListener("keydown", (event) => this.press(event));
    }

    /**
     * Shows it at a point, or at the edge of the panel if the point lies outside.
     * @param {number[]} at
     */
    show(at) {
        this.at = at;
        const [x, y] = at.map((number) => Math.min(Math.max(number, -1), 1) || 0);
        this.ring.style.left = `${(x + 1) * 50}%`;
        this.ring.style.top = `${(1 - y) * 50}%`;
        this.ring.setAttribute("aria-valuenow", x.toFixed(2));
        this.ring.setAttribute("aria-valuetext", `x ${at[0].toFixed(2)}, y ${at[1].toFixed(2)}`);
    }

    /** @param {PointerEvent} event */
    grasp(event) {
        this.ring.setPointerCapture(event.pointerId);
        const [x, y] = this.panel.point(event);
        this.held = [x - this.at[0], y - this.at[1]];
        this.ring.focus({ preventScroll: true });
        event.preventDefault();
    }

    /** @param {PointerEvent} event */
    drag(event) {
        if (!this.ring.hasPointerCapture(event.pointerId)) return;
        const [x, y] = this.panel.point(event);
        this.moved(x - this.held[0], y - this.held[1]);
    }

    /** @param {KeyboardEvent} event */
    press(event) {
        const step = event.shiftKey ? KEY_STEP / 5 : KEY_STEP;
        /** @type {Record<string, number[]>} */
        const ways = {
            ArrowLeft: [-step, 0],
            ArrowRight: [step, 0],
            ArrowDown: [0, -step],
            ArrowUp: [0, step],
        };
        const way = ways[event.key];
        if (way === undefined) return;
        event.preventDefault();
        event.stopPropagation();
        this.at = [this.at[0] + way[0], this.at[1] + way[1]]; // the next key may come before `show`
        this.moved(this.at[0], this.at[1]);
    }
}
