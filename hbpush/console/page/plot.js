// The plot of the last two minutes: two lines over one scale.

const WIDTH = 480;
const HEIGHT = 96;
const POINTS = 120;

function line(values, most) {
    const step = WIDTH / (POINTS - 1);
    const first = POINTS - values.length;
    return values
        .map((value, place) => `${((first + place) * step).toFixed(1)},${(HEIGHT - 4 - (value / most) * (HEIGHT - 10)).toFixed(1)}`)
        .join(" ");
}

export function number(value) {
    return value >= 100 ? Math.round(value).toLocaleString("en") : String(Math.round(value * 10) / 10);
}

// `history` has [messages, deliveries] for each second, the newest last.
export function plot(svg, peak, history) {
    const most = Math.max(1, ...history.flat());
    const [deliveries, messages] = svg.querySelectorAll("polyline");
    messages.setAttribute("points", line(history.map((rates) => rates[0]), most));
    deliveries.setAttribute("points", line(history.map((rates) => rates[1]), most));
    peak.textContent = `peak ${number(most)}/s`;
    const [, now] = history.at(-1) ?? [0, 0];
    svg.setAttribute("aria-label", `Deliveries a second in the last two minutes: ${number(now)} now, ${number(most)} at most`);
}
