/**
 * The colours of `plotting/palette.py`: Okabe and Ito's, told apart by all common kinds of colour
 * vision; and a scale for sizes.
 */

export const ORANGE = "#E69F00";
export const SKY = "#56B4E9";
export const GREEN = "#009E73";
export const GREY = "#777777";
export const NIGHT = "#212121"; // behind arrows

/** matplotlib's plasma from a quarter on, where it is bright enough for a dark panel. */
export const SCALE = [
    "#7e03a8",
    "#a01a9c",
    "#bc3587",
    "#d35171",
    "#e66c5c",
    "#f58b47",
    "#fdac33",
    "#fcd225",
    "#f0f921",
];

/**
 * The colour of a level in [0, 1].
 * @param {number} level
 */
export function scale_color(level) {
    return SCALE[Math.round(Math.min(Math.max(level, 0), 1) * (SCALE.length - 1))];
}
