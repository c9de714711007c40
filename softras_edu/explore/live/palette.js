/**
 * The colours of `plotting/palette.py`: Okabe and Ito's, told apart by all common kinds of colour
 * vision; and a scale for sizes.
 */

export const ORANGE = "#E69F00";
export const SKY = "#56B4E9";
export const GREEN = "#009E73";
export const BLUE = "#0072B2";
export const PURPLE = "#CC79A7";
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

/** matplotlib's cividis, eight steps of it: red, green, blue from 0 to 255. */
const CIVIDIS = [
    [0, 34, 78],
    [26, 56, 111],
    [67, 78, 108],
    [97, 101, 111],
    [125, 124, 120],
    [154, 147, 118],
    [187, 173, 109],
    [221, 200, 88],
    [254, 232, 56],
];

/** 256 colours for probabilities from 0 to 1: red, green, blue of each. */
export const MAP = cividis();

function cividis() {
    return Array.from({ length: 256 }, (_, n) => {
        const place = n / 255 * (CIVIDIS.length - 1);
        const k = Math.min(Math.floor(place), CIVIDIS.length - 2), t = place - k;
        return CIVIDIS[k].map((number, m) => number + t * (CIVIDIS[k + 1][m] - number));
    });
}
